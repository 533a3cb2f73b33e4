"""Connections that break, stall or corrupt bytes: the right sum or an error that says so, never a wrong one."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.sums import PATIENCE, TOKEN, check_sums, reducer_server, reducing_at
from tests.faults.wires import HOST, Proxy, closing, cut, flip, late
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.calls import Heartbeat, HeartbeatReply
from yarnml.control.credentials import Certificate, Credentials
from yarnml.control.roles import ProcessId
from yarnml.control.rpc import ControlClient, ControlServer
from yarnml.errors import WorkerLost
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.routing import Routes
from yarnml.reduce.server import PeerServices, ReducerServer


def check_generation(allreduce: NetworkAllReduce, reducer: str, generation: int) -> None:
    allreduce.begin(Routes([reducer], 1))
    check_sums(allreduce, 500, generation)


def certificate() -> Certificate:
    made = skein.Security.new_credentials()
    return Certificate(made.cert_bytes, made.key_bytes, "skein-internal")


@contextmanager
def proxied(credentials: Credentials, **harms: Any) -> Iterator[tuple[Proxy, ReducerServer]]:
    with reducer_server(credentials) as (_, server), closing(proxy := Proxy(server.address, **harms)):
        yield proxy, server


def places(credentials: Credentials, way: str) -> range:
    """The bytes that go this way in STEPS steps, but for the last ones: they may come after the last sum."""
    with proxied(credentials) as (proxy, _), reducing_at(proxy.address, credentials) as allreduce:
        check_sums(allreduce, 500)
        return range(proxy.passed[way == "down"] * 3 // 4)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_stream_that_breaks_anywhere_is_told_and_repaired(way: str, place: int) -> None:
    """A connection cut at any byte is an error that names the reducer; the next generation has the right sums."""
    at = random.Random(place).choice(places(TOKEN, way))
    with proxied(TOKEN, **{way: cut(at)}, harmed=1) as (proxy, _):
        allreduce = NetworkAllReduce(0, PeerServices(TOKEN), "nowhere", TOKEN, PATIENCE)
        with closing(allreduce):
            with pytest.raises(WorkerLost, match=proxy.address):
                check_generation(allreduce, proxy.address, 1)
            check_generation(allreduce, proxy.address, 2)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["up", "down"])
def test_bytes_that_come_late_change_nothing(way: str) -> None:
    """A slow line costs time, not bits."""
    with proxied(TOKEN, **{way: late(0.05)}) as (proxy, _), reducing_at(proxy.address) as allreduce:
        check_sums(allreduce, 500)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("way", ["up", "down"])
def test_tls_never_lets_a_flipped_bit_into_a_sum(way: str, place: int) -> None:
    """Between machines, one bit flipped at any byte breaks the stream, and the error names the reducer."""
    credentials = certificate()
    at = random.Random(place).choice(places(credentials, way))
    with (
        proxied(credentials, **{way: flip(at)}) as (proxy, _),
        pytest.raises(WorkerLost, match=proxy.address),
        reducing_at(proxy.address, credentials) as allreduce,
    ):
        check_sums(allreduce, 500)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("secured", [False, True])
def test_a_call_to_the_master_outlives_its_connection(secured: bool, way: str, place: int) -> None:
    """A connection to the master that is cut, or under TLS corrupted, at any byte is opened anew."""
    credentials: Credentials = certificate() if secured else TOKEN
    server = ControlServer(lambda call: HeartbeatReply(7), HOST, credentials)
    with closing(server), closing(whole := Proxy(server.address)):
        with closing(client := ControlClient(whole.address, credentials, 20)):
            client.call(Heartbeat(ProcessId("worker", 0)))
        at = random.Random(place).randrange(whole.passed[way == "down"])
        for harm in [cut(at), flip(at)] if secured else [cut(at)]:
            proxy = Proxy(server.address, **{way: harm}, harmed=1)
            client = ControlClient(proxy.address, credentials, 20)
            with closing(proxy, client):
                assert client.call(Heartbeat(ProcessId("worker", 0))) == HeartbeatReply(7)
