"""Messages that are dropped, repeated, late or corrupted: the right sum or an error that says so, never a wrong one."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import skein

from tests.faults.wires import HOST, Message, Proxy, Relay, Rule, closing, cut, flip, late
from yarnml.control.calls import Heartbeat, HeartbeatReply
from yarnml.control.credentials import Certificate, Credentials, Token
from yarnml.control.roles import ProcessId
from yarnml.control.rpc import ControlClient, ControlServer
from yarnml.errors import WorkerLost
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.reducer import CHUNK_ELEMENTS, Reducer, StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.tree import Node, Vector, combine, root

SHARDS, STEPS = 3, 4
LENGTHS = [500, 2 * CHUNK_ELEMENTS + 5]  # one chunk, three chunks
PATIENCE = 1.0  # seconds
TOKEN = Token("secret of the test")


def leaves(step: int, length: int) -> dict[int, Vector]:
    return {s: np.random.default_rng([step, s]).normal(size=length).astype(np.float32) for s in range(SHARDS)}


def total(step: int, length: int) -> bytes:
    return combine(leaves(step, length), SHARDS)[root(SHARDS)].tobytes()


def spread(step: int, length: int) -> dict[Node, Vector]:
    """The parts of one step as several workers would send them: nothing added up yet."""
    return {Node(0, shard): leaf for shard, leaf in leaves(step, length).items()}


@contextmanager
def reducing(credentials: Credentials = TOKEN) -> Iterator[tuple[Reducer, ReducerServer]]:
    home = PeerServices()
    server = ReducerServer(home, HOST, credentials, 10 * PATIENCE)  # it is the worker whose wait ends
    try:
        yield home.reducer, server
    finally:
        home.close("over")
        server.shutdown()


@contextmanager
def exchanging(address: str, credentials: Credentials = TOKEN) -> Iterator[NetworkAllReduce]:
    """One worker with all shards, whose reducer is behind ``address``."""
    with closing(exchange := NetworkAllReduce(0, PeerServices(), "nowhere", credentials, PATIENCE)):
        exchange.begin(Routes([address], 1))
        yield exchange


@contextmanager
def relayed(up: Rule, down: Rule) -> Iterator[tuple[NetworkAllReduce, Reducer]]:
    with reducing() as (reducer, server):
        relay = Relay(server.address, TOKEN, up, down)
        with exchanging(relay.address) as exchange:
            yield exchange, reducer
        reducer.close("over")
        relay.shutdown()


def untouched(message: Message, number: int) -> list[Message]:
    return [message]


def twice(message: Message, number: int) -> list[Message]:
    return [message, message]


def again_later() -> Rule:
    """Every message once more, after the next one."""
    before: list[Message] = []

    def rule(message: Message, number: int) -> list[Message]:
        out = [message, *before]
        before[:] = [message]
        return out

    return rule


def slow(message: Message, number: int) -> list[Message]:
    time.sleep(random.Random(number).uniform(0, 0.05))
    return [message]


def without(lost: int) -> Rule:
    return lambda message, number: [] if number == lost else [message]


def garbled(bad: int) -> Rule:
    """Another header, which nobody can read."""
    return lambda message, number: [Message(message.batch, b"\xc1" + message.header) if number == bad else message]


def check_sums(exchange: NetworkAllReduce, length: int, meeting: int = 1) -> None:
    for step in range(STEPS):
        got = exchange.reduce(StepKey(meeting, step), spread(step, length), SHARDS).tobytes()
        assert got == total(step, length), f"step {step} has a wrong sum"


def check_meeting(exchange: NetworkAllReduce, reducer: str, number: int) -> None:
    exchange.begin(Routes([reducer], 1))
    check_sums(exchange, 500, number)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("rule", [twice, again_later])
def test_repeated_parts_change_nothing(rule: Any, length: int) -> None:
    """Parts that come twice, at once or after later ones, are dropped and counted; the sums are right."""
    with relayed(rule() if rule is again_later else rule, untouched) as (exchange, reducer):
        check_sums(exchange, length)
        assert reducer.dropped_parts


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", LENGTHS)
def test_repeated_totals_change_nothing(length: int) -> None:
    """Totals that come twice are taken once; the sums are right."""
    with relayed(untouched, twice) as (exchange, _):
        check_sums(exchange, length)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", LENGTHS)
def test_late_messages_change_nothing(length: int) -> None:
    """Parts and totals that take their time cost time, not bits."""
    with relayed(slow, slow) as (exchange, _):
        check_sums(exchange, length)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bad", [0, SHARDS + 1])
def test_parts_that_do_not_arrive_are_told(bad: int) -> None:
    """A part that is lost, or that the reducer can't read, is an error of the worker that waits, never another sum."""
    for harm in (without, garbled):
        with relayed(harm(bad), untouched) as (exchange, _), pytest.raises(WorkerLost):
            check_sums(exchange, 500)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize("harm", [without, garbled])
def test_totals_that_do_not_arrive_are_told(harm: Any, bad: int) -> None:
    """A total that is lost, or that the worker can't read, is an error that says so, never another sum."""
    with relayed(untouched, harm(bad)) as (exchange, _), pytest.raises(WorkerLost):
        check_sums(exchange, 500)


@pytest.mark.timeout(60)
def test_a_reducer_outlives_a_stream_that_ends_before_its_sum() -> None:
    """Workers that leave after their first part cost the reducer nothing; its process lives on."""
    done = subprocess.run([sys.executable, "-c", REDUCER], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.strip() == "alive"


REDUCER = """
import contextlib
import numpy as np, pyarrow as pa, pyarrow.flight as fl
from yarnml.reduce.wire import Hello, Part
from yarnml.reduce.server import PeerServices
from yarnml.control.credentials import Token
from yarnml.reduce.server import ReducerServer
from yarnml.reduce.wire import encode

token = Token("secret of the test")
home = PeerServices()
server = ReducerServer(home, "127.0.0.1", token, 0.2)
schema = pa.schema([pa.field("bytes", pa.uint8(), nullable=False)])
batch = pa.RecordBatch.from_arrays([pa.array(np.ones(16, np.uint8))], schema=schema)
for _ in range(40):
    client = fl.FlightClient(f"grpc://{server.address}", **token.calling())
    options = fl.FlightCallOptions(headers=token.headers)
    writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(encode(Hello(0))), options)
    writer.begin(batch.schema)
    writer.write_with_metadata(batch, encode(Part(1, 0, 3, 0, 0, 0, 1, "<f4")))
    writer.done_writing()
    with contextlib.suppress(StopIteration, pa.ArrowException, OSError):
        while True:
            reader.read_chunk()
    client.close()
home.close("over")
server.shutdown()
print("alive")
"""


def certificate() -> Certificate:
    made = skein.Security.new_credentials()
    return Certificate(made.cert_bytes, made.key_bytes, "skein-internal")


@contextmanager
def proxied(credentials: Credentials, **harms: Any) -> Iterator[tuple[Proxy, ReducerServer]]:
    with reducing(credentials) as (_, server), closing(proxy := Proxy(server.address, **harms)):
        yield proxy, server


def places(credentials: Credentials, way: str) -> range:
    """The bytes that go this way in STEPS steps, but for the last ones: they may come after the last sum."""
    with proxied(credentials) as (proxy, _), exchanging(proxy.address, credentials) as exchange:
        check_sums(exchange, 500)
        return range(proxy.passed[way == "down"] * 3 // 4)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_stream_that_breaks_anywhere_is_told_and_repaired(way: str, place: int) -> None:
    """A connection cut at any byte is an error that names the reducer; the next meeting has the right sums."""
    at = random.Random(place).choice(places(TOKEN, way))
    with proxied(TOKEN, **{way: cut(at)}, harmed=1) as (proxy, _):
        exchange = NetworkAllReduce(0, PeerServices(), "nowhere", TOKEN, PATIENCE)
        with closing(exchange):
            with pytest.raises(WorkerLost, match=proxy.address):
                check_meeting(exchange, proxy.address, 1)
            check_meeting(exchange, proxy.address, 2)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["up", "down"])
def test_bytes_that_come_late_change_nothing(way: str) -> None:
    """A slow line costs time, not bits."""
    with proxied(TOKEN, **{way: late(0.05)}) as (proxy, _), exchanging(proxy.address) as exchange:
        check_sums(exchange, 500)


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
        exchanging(proxy.address, credentials) as exchange,
    ):
        check_sums(exchange, 500)


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
