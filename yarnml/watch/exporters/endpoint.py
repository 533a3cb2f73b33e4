"""The endpoint that a Prometheus scrapes: ``/metrics`` of the master, for all processes of the job.

On the loopback address whoever is on this machine may read it.  On another one its path holds a secret, which only a
file in the job's folder tells, so that those see the metrics who may see the job.
"""

import hmac
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from typing import Any

from yarnml.watch.exporters.exposition import Exposition
from yarnml.watch.server import CLIENT_SECONDS, BoundedServer

MAX_SCRAPERS = 4
"""Clients that are answered at the same time."""

PATH = "/metrics"


class MetricsEndpoint(BoundedServer):
    """Serves the metrics of one run at ``path`` of ``target``.  Raises OSError where the port is taken."""

    def __init__(self, exposition: Exposition, host: str, port: int) -> None:
        self.exposition = exposition
        self.path = path_for(host)
        super().__init__((host, port), _Handler, MAX_SCRAPERS)
        self.target = f"{host}:{self.server_port}"


def path_for(host: str) -> str:
    """Choose the path of the metrics on a host: one that can't be guessed, where others can reach it."""
    return PATH if _is_loopback(host) else f"/{secrets.token_urlsafe(24)}{PATH}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_SECONDS
    server: MetricsEndpoint

    def do_GET(self) -> None:
        known = hmac.compare_digest(self.path.partition("?")[0].encode(), self.server.path.encode())
        body = self.server.exposition.render() if known else b""
        self.send_response(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", self.server.exposition.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Tell a stranger nothing."""
        return "yarnml"

    def log_message(self, format: str, *args: Any) -> None:
        """Write no line for each request."""
