"""The ResourceManager that answers for the cluster, where one of two is a standby, is away, or has just begun."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.hadoop.configuration import write
from tests.servers import closed_port
from yarnml.clusters.yarn.capacity import availability, rest
from yarnml.clusters.yarn.capacity.answers import NodesAnswer
from yarnml.storage.hadoop_config import configuration

NODES = json.dumps({"nodes": {"node": {"nodeHostName": "w1", "state": "RUNNING"}}})


@pytest.mark.parametrize(
    ("active_since", "now", "seconds"),
    [
        (100.0, 100.0, availability.SETTLE_SECONDS),
        (100.0, 110.0, availability.SETTLE_SECONDS - 10),
        (100.0, 100.0 + availability.SETTLE_SECONDS, 0.0),
        (0.0, 1.8e9, 0.0),  # it does not tell
        (9e9, 1.8e9, availability.SETTLE_SECONDS),  # its clock is wrong
    ],
)
def test_the_time_in_which_nodes_may_come(active_since: float, now: float, seconds: float) -> None:
    """It ends after a while, whatever the clocks say."""
    assert availability.settles_for(active_since, now) == seconds


class _Server(BaseHTTPRequestHandler):
    """A ResourceManager's web service with one answer for all."""

    status = 200
    body = ""

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.status == 307:
            self.send_header("Location", self.path)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        pass


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a web service with a status and a body; its host:port."""
    servers = []

    def start(status: int, body: str) -> str:
        handler = type("Server", (_Server,), {"status": status, "body": body})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return "127.0.0.1:{1}".format(*server.server_address[:2])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def managers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Names ResourceManagers, by the addresses of their web services, in the configuration."""

    def name(*webs: str) -> None:
        ids = [f"rm{number}" for number in range(len(webs))]
        addresses = {f"yarn.resourcemanager.webapp.address.{rm}": web for rm, web in zip(ids, webs, strict=True)}
        addresses |= {f"yarn.resourcemanager.address.{rm}": f"127.0.0.1:{closed_port()}" for rm in ids}
        ha = {"yarn.resourcemanager.ha.enabled": "true", "yarn.resourcemanager.ha.rm-ids": ",".join(ids)}
        write(tmp_path / "yarn-site.xml", addresses | ha)
        monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))

    return name


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (307, "This is standby RM. The redirect url is: /ws/v1/cluster/nodes"),  # while it becomes active
        (200, "<html>This is standby RM</html>"),
        (503, ""),
        (200, '{"nodes": 1}'),
    ],
)
def test_the_first_that_answers(serve: Serve, managers: Callable[..., None], status: int, body: str) -> None:
    """A standby, one that is away and one that talks nonsense are passed over, for nodes and for settings alike."""
    managers(f"127.0.0.1:{closed_port()}", serve(status, body), serve(200, NODES))
    (node,) = rest.resource_manager("nodes", NodesAnswer).nodes.node
    assert (node.node_host_name, node.state) == ("w1", "RUNNING")


def test_none_answers(serve: Serve, managers: Callable[..., None]) -> None:
    """Each of them is named with its reason, on one line."""
    closed = f"127.0.0.1:{closed_port()}"
    standby = serve(307, "")
    secured = serve(401, "")
    managers(closed, standby, secured)
    with pytest.raises(OSError, match=f"{closed}: .*refused.*; http://{standby} is not the active.*; .*401.*Kerberos$"):
        rest.setting("yarn.acl.enable")


def test_a_setting_of_the_second(serve: Serve, managers: Callable[..., None]) -> None:
    """The configuration of a ResourceManager is asked of any that answers."""
    answer = "<configuration><property><name>yarn.acl.enable</name><value>false</value></property></configuration>"
    managers(f"127.0.0.1:{closed_port()}", serve(200, answer))
    assert rest.setting("yarn.acl.enable") == "false"


def test_all_that_are_away(managers: Callable[..., None]) -> None:
    """Without a standby nothing is waited for."""
    managers(f"127.0.0.1:{closed_port()}", f"127.0.0.1:{closed_port()}")
    with pytest.raises(
        Exception, match=r"The ResourceManager \S+ can't be reached \(.*\); \S+ can't be reached"
    ) as end:
        availability.find_active(configuration())
    assert "Traceback" not in str(end.value)
