"""A small HTTP server for pages, which answers only who knows its secret; it shows and never steers.

However many clients come and however slow they are, only a few threads are theirs, each for seconds, and a page is
made once in a while for all of them.
"""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from yarnml.errors import HistoryError, YarnmlError
from yarnml.watch.page import REFRESH_SECONDS

MAX_CLIENTS = 16
"""Clients that are answered at the same time."""

CLIENT_SECONDS = 5.0
"""Longest wait for a part of a client's request, and for it to take a part of the answer."""

Render = Callable[[str], str | None]
"""Makes the page of a path below the secret, '' for the first; None where there is none."""

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """The pages that were made a moment ago, for all who ask."""

    def __init__(self, render: Render, clock: Callable[[], float] = time.monotonic) -> None:
        self._render = render
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[str, tuple[float, bytes]] = {}

    def get(self, path: str) -> bytes | None:
        """Return the page of a path; one at a time is made, and the others wait for it."""
        with self._lock:
            self._made = {p: made for p, made in self._made.items() if self._clock() - made[0] < REFRESH_SECONDS}
            if path not in self._made:
                text = self._render(path)
                if text is None:
                    return None
                self._made[path] = (self._clock(), text.encode())
            return self._made[path][1]


class BoundedServer(ThreadingHTTPServer):
    """A server that has a thread for each of ``clients`` at the same time, and hangs up on one more."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], clients: int) -> None:
        self._free = threading.Semaphore(clients)
        super().__init__(address, handler)

    def start(self) -> None:
        """Serve on a thread of its own."""
        threading.Thread(target=self.serve_forever, daemon=True, name="pages").start()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | Any, client_address: Any) -> None:
        """Take no notice of a client that went away."""


class PageServer(BoundedServer):
    """Serves pages at ``address``, which holds the secret.

    Raises HistoryError where the port is taken.  ``port``: 0 for any that is free.
    """

    def __init__(self, render: Render, host: str = "127.0.0.1", port: int = 0) -> None:
        self.pages = Pages(render)
        self.secret = secrets.token_urlsafe(24)
        try:
            super().__init__((host, port), _Handler, MAX_CLIENTS)
        except OSError as exc:
            raise HistoryError(f"Port {port} of {host} can't be served ({exc.strerror}); give another --port.") from exc
        self.address = f"http://{host}:{self.server_port}/{self.secret}/"

    def page(self, path: str) -> bytes | None:
        """Return the page of a request's path; None without the secret, and where there is none."""
        first, _, rest = path.partition("?")[0].lstrip("/").partition("/")
        if not hmac.compare_digest(first.encode(), self.secret.encode()):
            return None
        return self.pages.get(rest)


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_SECONDS
    server: PageServer

    def do_GET(self) -> None:
        try:
            body = self.server.page(self.path)
            status = HTTPStatus.OK if body is not None else HTTPStatus.NOT_FOUND
        except YarnmlError as exc:  # the storage is away, for a while
            body = str(exc).encode()
            status = HTTPStatus.SERVICE_UNAVAILABLE
        self.send_response(status)
        for name, value in (_HEADERS | ({} if status == HTTPStatus.OK else {"Content-Type": "text/plain"})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def version_string(self) -> str:
        """Tell a stranger nothing."""
        return "yarnml"

    def log_message(self, format: str, *args: Any) -> None:
        """Write no line for each request."""
