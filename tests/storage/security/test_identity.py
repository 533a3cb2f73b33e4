"""Our name on a cluster, and the proofs of it that its web services are shown."""

import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.hadoop.configuration import write
from yarnml.storage import delegation
from yarnml.storage.security import identity, tokens
from yarnml.storage.security.tokens import RESOURCE_MANAGER, Token
from yarnml.storage.security.web import Caller

HEADER = "X-Hadoop-Delegation-Token"
TOKEN = Token(b"", b"id", b"secret", RESOURCE_MANAGER, b"rm:8032")


class _Handler(BaseHTTPRequestHandler):
    """``/open`` believes everybody; ``/ticket`` wants a ticket or a token; ``/password`` wants something else."""

    asked: list[str] = []  # noqa: RUF012 (of one server, which is this class)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/open") or HEADER in self.headers:
            self.send_response(200)
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Negotiate" if self.path.startswith("/ticket") else "Basic")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    _Handler.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process be a container of Ann's on a secured cluster."""
    properties = {
        "fs.defaultFS": "hdfs://nn:8020",
        "hadoop.security.authentication": "kerberos",
        "dfs.user.home.dir.prefix": "/home/",
    }
    write(tmp_path / "core-site.xml", properties)
    (tmp_path / "tokens").write_bytes(tokens.dump([TOKEN]))
    for name, value in (("HADOOP_CONF_DIR", tmp_path), (tokens.FILE, tmp_path / "tokens"), ("USER", "ann")):
        monkeypatch.setenv(name, str(value))


@pytest.mark.usefixtures("container")
def test_a_home_with_a_prefix() -> None:
    """The folder of homes is a setting of the cluster, and the user of a container is whom YARN names."""
    assert identity.home() == "hdfs://nn:8020/home/ann"


@pytest.mark.usefixtures("container")
def test_web_services_decide_what_they_want(server: str) -> None:
    """One that asks for nothing gets a name beside a secured RPC, too; one that says Negotiate gets the token then."""
    caller = Caller(lambda: tokens.find([RESOURCE_MANAGER]), HEADER)
    assert caller.open(f"{server}/open", {"a": "b"}, 5).status == 200
    assert not caller.asked_for_ticket(server)
    for _ in range(2):
        assert caller.open(f"{server}/ticket", {}, 5).status == 200
    assert caller.asked_for_ticket(server)
    assert _Handler.asked == ["/open?a=b&user.name=ann", "/ticket?user.name=ann", "/ticket?", "/ticket?"]


@pytest.mark.usefixtures("container")
def test_web_services_that_want_a_password(server: str) -> None:
    """No token is shown to a server that asks for something else."""
    with pytest.raises(urllib.error.HTTPError, match="401"):
        Caller(lambda: TOKEN, HEADER).open(f"{server}/password", {}, 5)
    assert _Handler.asked == ["/password?user.name=ann"]


@pytest.mark.usefixtures("container")
def test_a_name_node_without_webhdfs(server: str) -> None:
    """A token that is not given, as where WebHDFS is off, is an error of storage, which callers expect."""
    with pytest.raises(OSError, match="401"):
        delegation.end_of_new_tokens([server.replace("http", "webhdfs")])
