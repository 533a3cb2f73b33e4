"""The processes of a job on a real cluster: the nodes that they run on, and whom they answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.flight as fl
import pytest
import skein

from tests import families
from tests.applications import CONTAINER, LEAD, Cluster, submitted
from tests.hadoop import GPU_HOST
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("jobs"), pytest.mark.usefixtures("labelled")]


@pytest.fixture(scope="module")
def labelled(cluster: Cluster) -> Iterator[None]:
    """A running job with a reducer, and with workers that want a node label."""
    job = cluster.endless("labelled", workers={"count": 2, "memory": "1 GiB", "node_label": "gpu"})
    job |= {"reducers": {"count": 1, "memory": "512 MiB"}}
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        yield
        cluster.yarnml("kill", run.id)
    assert cluster.left_behind(job) == []


def test_roles_keep_to_their_nodes(cluster: Cluster) -> None:
    """Workers go to the nodes of their label; the master and reducers of their own never do."""
    names = {p.pid: families.variables(p).get("SKEIN_CONTAINER_ID", "master") for p in cluster.processes(CONTAINER)}
    labelled = {names[p.pid] for p in cluster.hadoop.containers(GPU_HOST) if p.pid in names}
    assert sorted(names.values()) == ["reducer_0", "worker_0", "worker_1"]
    assert labelled == {"worker_0", "worker_1"}


def test_strangers_are_refused(cluster: Cluster) -> None:
    """Every port of a job's processes wants the application's own certificate."""
    other = skein.Security.new_credentials()
    processes = [*cluster.processes(LEAD), *cluster.processes(CONTAINER)]
    ports = {
        (c.laddr.ip.rpartition(":")[2], c.laddr.port)  # without what makes it an IPv6 address
        for p in processes
        for c in p.net_connections("tcp")
        if c.status == "LISTEN"
    }
    assert len(ports) >= 5  # the master's two, and one of every worker and reducer
    visits = [(f"{scheme}://{host}:{port}", o) for host, port in ports for scheme, o in _disguises(other)]
    with ThreadPoolExecutor(len(visits)) as pool:
        list(pool.map(_refused, *zip(*visits, strict=True)))


def _refused(address: str, options: dict[str, Any]) -> None:
    refusal = pytest.raises((fl.FlightUnavailableError, fl.FlightTimedOutError))
    with fl.FlightClient(address, **options) as client, refusal:
        list(client.do_action(fl.Action("call", b""), fl.FlightCallOptions(timeout=5)))


def _disguises(other: Any) -> list[tuple[str, dict[str, Any]]]:
    """Without TLS, with TLS but no certificate, and with a certificate of another application."""
    pair = {"cert_chain": other.cert_bytes, "private_key": other.key_bytes}
    name = {"override_hostname": "skein-internal"}
    return [
        ("grpc", {}),
        ("grpc+tls", {"disable_server_verification": True}),
        ("grpc+tls", {"disable_server_verification": True, **pair}),
        ("grpc+tls", {"tls_root_certs": other.cert_bytes, **pair, **name}),
    ]
