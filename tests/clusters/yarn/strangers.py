"""Strangers who call the processes of a job on a cluster: whoever has not the application's own certificate."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow.flight as fl
import pytest

from tests.applications import CONTAINER, LEAD, Cluster
from yarnml.clusters.yarn.skein_import import skein


def check_that_they_are_refused(cluster: Cluster) -> None:
    """Call every port of the job that runs."""
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
