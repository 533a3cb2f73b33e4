"""WebHDFS sends its callers elsewhere: only to web servers, and never from an encrypted connection to a plain one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from yarnml import storage
from yarnml.storage.security.web import check_redirect


@pytest.mark.parametrize(
    ("asked", "given", "allowed"),
    [
        ("http://nn:9870", "http://dn:9864/x?op=OPEN", True),
        ("http://nn:9870", "https://dn:9865/x", True),
        ("https://nn:9871", "https://dn:9865/x", True),
        ("https://nn:9871", "http://dn:9864/x", False),
        ("http://nn:9870", "file:///etc/passwd", False),
        ("http://nn:9870", "ftp://dn/x", False),
        ("http://nn:9870", "data:,x", False),
        ("http://nn:9870", "/x", False),
    ],
)
def test_where_a_redirect_may_lead(asked: str, given: str, allowed: bool) -> None:
    """A file of this machine is no data of the cluster."""
    if allowed:
        check_redirect(asked, given)
        return
    with pytest.raises(Exception, match="sends us to"):
        check_redirect(asked, given)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "secret"


class _NameNode(BaseHTTPRequestHandler):
    """A NameNode that sends readers to a file of their own machine, in its answer or by a redirect."""

    target = ""
    by_answer = True

    def do_GET(self) -> None:
        status = {"length": 6, "type": "FILE", "modificationTime": 0}
        answer = {"Location": self.target} if "op=OPEN" in self.path else {"FileStatus": status}
        redirects = "op=OPEN" in self.path and not self.by_answer
        body = json.dumps(answer).encode()
        self.send_response(307 if redirects else 200)
        if redirects:
            self.send_header("Location", self.target)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[True, False])
def server(request: pytest.FixtureRequest, secret: Path) -> Iterator[str]:
    handler = type("Handler", (_NameNode,), {"target": secret.as_uri(), "by_answer": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{http.server_port}"
        http.shutdown()


def test_a_file_of_this_machine_is_not_read(server: str) -> None:
    """A server that sends its reader to file:// gets an error, and no bytes."""
    with pytest.raises(OSError, match=r"sends us to file:///|file:"):
        storage.read(f"webhdfs://{server}/x")
