"""The exchange over real sockets: those of one machine, and Arrow Flight with TLS on the loopback address."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace

import numpy as np
import pyarrow.flight as fl
import pytest
import skein

from yarnml.control.calls import Call, Heartbeat, HeartbeatReply, Poll, Reply
from yarnml.control.codec import encode
from yarnml.control.commands import Assignment, Idle, Joined
from yarnml.control.credentials import Certificate, Credentials, Token
from yarnml.control.rpc import ControlClient, ControlServer
from yarnml.errors import WorkerLost
from yarnml.master.placement import assign
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.reduce.reducer import CHUNK, Reducer, StepKey
from yarnml.reduce.routing import Routes, routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.streams import Inbox
from yarnml.reduce.tree import Value, Vector, combine, pieces
from yarnml.reduce.wire import Part, decode_part

HOST = "127.0.0.1"
SHARDS, STEPS = 5, 3
TOKEN = Token("secret of the test")


@pytest.fixture(scope="module", params=["sockets", "flight"])
def credentials(request: pytest.FixtureRequest) -> Credentials:
    """Those of one machine's processes, which talk over its sockets; and those of containers."""
    if request.param == "sockets":
        return TOKEN
    pair = skein.Security.new_credentials()
    return Certificate(pair.cert_bytes, pair.key_bytes, "skein-internal")


@contextmanager
def exchanges(
    workers: int, apart: int, timeout: float = 30.0, credentials: Credentials = TOKEN, levels: int = 1
) -> Iterator[tuple[list[NetworkAllReduce], list[Reducer], Callable[[int], None]]]:
    """Real exchanges for ``workers``, reducing among themselves or in ``apart`` reducers of their own.

    With what has them meet again; the first meeting is held.
    """
    with ExitStack() as stack:
        homes = [PeerServices() for _ in range(workers + apart)]
        servers = [ReducerServer(home, HOST, credentials, timeout) for home in homes]
        for server in servers:
            stack.callback(server.shutdown)
        for home in homes:
            stack.callback(home.close, "over")
        addresses = [server.address for server in servers]
        found = [NetworkAllReduce(w, homes[w], addresses[w], credentials, timeout) for w in range(workers)]
        at, shards = dict(enumerate(addresses[:workers])), assign(SHARDS, range(workers))

        def begin(number: int) -> None:
            generation = Assignment(number, Idle(), shards, addresses[workers:] or addresses, at, levels)
            for worker, exchange in enumerate(found):
                exchange.abandon(number)
                exchange.begin(routes(generation, worker))

        for exchange in found:
            stack.callback(exchange.close)
        begin(1)
        yield found, [home.reducer for home in homes], begin


def leaf(step: int, shard: int, length: int, dtype: str) -> Vector:
    return (np.random.default_rng([step, shard]).normal(size=length) * 10.0 ** (shard % 5)).astype(dtype)


def bits(value: Value) -> bytes:
    return b"".join(piece.tobytes() for piece in pieces(value))


def check_sums(
    found: list[NetworkAllReduce], leaves: Callable[[int, int], Value], steps: int = STEPS, generation: int = 1
) -> None:
    """Every worker goes through some steps in a thread of its own, and gets the totals of one that has all shards.

    ``leaves``: (step, shard) → its value.
    """
    got: dict[tuple[int, int], bytes] = {}

    def work(worker: int, mine: list[int]) -> None:
        for step in range(steps):
            parts = combine({s: leaves(step, s) for s in mine}, SHARDS)
            got[worker, step] = bits(found[worker].reduce(StepKey(generation, step), parts, SHARDS))

    threads = [threading.Thread(target=work, args=item) for item in assign(SHARDS, range(len(found))).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for step in range(steps):
        whole = combine({s: leaves(step, s) for s in range(SHARDS)}, SHARDS)
        alone = bits(MemoryAllReduce().reduce(StepKey(1, step), whole, SHARDS))
        assert {got.get((w, step)) for w in range(len(found))} == {alone}


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
@pytest.mark.parametrize("length", [1, 7, 3 * CHUNK + 5])
@pytest.mark.parametrize(("workers", "apart"), [(1, 0), (1, 2), (2, 0), (3, 0), (2, 1), (3, 2)])
def test_every_worker_gets_the_bits_of_one(
    workers: int, apart: int, length: int, dtype: str, credentials: Credentials
) -> None:
    """Any number of workers and reducers gives the total that one process computes, to the bit, step after step."""
    with exchanges(workers, apart, credentials=credentials) as (found, *_):
        check_sums(found, partial(leaf, length=length, dtype=dtype))


@pytest.mark.parametrize("length", [7, 3 * CHUNK + 5])
@pytest.mark.parametrize(("workers", "apart"), [(5, 0), (4, 2)])
def test_two_levels_give_the_same_bits(workers: int, apart: int, length: int, credentials: Credentials) -> None:
    """The same through relays; a worker has streams to its group alone, and one from its relay to a reducer."""
    with exchanges(workers, apart, credentials=credentials, levels=2) as (found, *_):
        check_sums(found, partial(leaf, length=length, dtype="<f4"))
        assert any(exchange.passed_on.messages for exchange in found)
        assert max(exchange.open for exchange in found) <= 2  # the largest group has three


@pytest.mark.parametrize("apart", [0, 1])
def test_what_breaks_above_a_relay_reaches_its_group(apart: int, credentials: Credentials) -> None:
    """When the reducer above gives up, workers that gave relays their parts are told; the next meeting is fine."""
    told: list[str] = []

    def work(exchange: NetworkAllReduce, shard: int) -> None:
        try:
            exchange.reduce(StepKey(1, 0), combine({shard: leaf(0, shard, 8, "<f4")}, SHARDS), SHARDS)
        except WorkerLost as exc:
            told.append(str(exc))

    with exchanges(4, apart, credentials=credentials, levels=2) as (found, reducers, begin):
        threads = [threading.Thread(target=work, args=(found[w], w)) for w in range(3)]  # the last worker is late
        for thread in threads:
            thread.start()
        for reducer in reducers:
            reducer.fail(1, WorkerLost("it dies"))
        for thread in threads:
            thread.join()
        assert len(told) == 3
        assert all("it dies" in text for text in told)
        begin(2)
        check_sums(found, partial(leaf, length=8, dtype="<f4"), generation=2)


def test_only_foreign_slices_travel() -> None:
    """A worker sends each of its bytes once, and gets as many back, but for the slice that it reduces itself."""
    length, workers = 3 * CHUNK, 3
    with exchanges(workers, 0) as (found, *_):
        threads = [
            threading.Thread(
                target=found[w].reduce, args=(StepKey(1, 0), combine({w: leaf(0, w, length, "<f4")}, 3), 3)
            )
            for w in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for passed in [traffic for e in found for traffic in (e.sent, e.received)]:
            assert (passed.messages, passed.bytes) == (2, 4 * length * 2 // 3)


def test_a_reducer_that_dies_is_named(credentials: Credentials) -> None:
    """When a reducer hangs up in the middle of a step, the worker is told which one, at once."""
    home = PeerServices()
    server = ReducerServer(home, HOST, credentials, 30)
    exchange = NetworkAllReduce(0, PeerServices(), "nowhere", credentials, 30)
    exchange.begin(Routes([server.address], 2))
    threading.Timer(0.1, home.close, ["dies"]).start()
    with pytest.raises(WorkerLost, match=server.address):
        exchange.reduce(StepKey(1, 0), combine({0: np.ones(8, np.float32)}, 2), 2)
    exchange.close()
    server.shutdown()


def test_a_missing_peer_ends_the_wait(credentials: Credentials) -> None:
    """Without the other worker's part the exchange ends by its deadline, and names the step."""
    with exchanges(2, 0, 0.3, credentials) as (found, *_), pytest.raises(WorkerLost, match=r"[Ss]tep 4"):
        found[0].reduce(StepKey(1, 4), combine({0: np.ones(8, np.float32)}, 2), 2)


def test_strangers_are_refused() -> None:
    """A process without the job's token can neither call the master nor stream to a reducer."""
    seen: list[object] = []

    def handler(call: Call) -> Reply:
        seen.append(call)
        return HeartbeatReply()

    control, server = ControlServer(handler, HOST, TOKEN), ReducerServer(PeerServices(), HOST, TOKEN, 1)
    stranger = ControlClient(control.address, Token("guess"), 1)
    with pytest.raises(WorkerLost, match="token"):
        stranger.call(Heartbeat("worker", 0))
    with pytest.raises(fl.FlightUnauthenticatedError):
        fl.connect(f"grpc://{server.address}").do_exchange(fl.FlightDescriptor.for_command(b""))[1].read_chunk()
    assert not seen
    assert "secret" not in repr(TOKEN)
    for each in (control, server):
        each.shutdown()


def test_calls_reach_the_master_and_replies_come_back() -> None:
    """A call is answered by the handler's reply; what passed is counted in bytes."""
    reply = Assignment(3, Idle(), {0: [1, 2]}, ["host:1"])
    server = ControlServer(lambda call: reply, HOST, TOKEN)
    client = ControlClient(server.address, TOKEN, 5)
    call = Poll("worker", 0, 2, Joined("host:2", "1"))
    assert client.call(call) == reply
    assert (server.calls, server.bytes_in, server.bytes_out) == (1, len(encode(call)), len(encode(reply)))
    client.close()
    server.shutdown()


def test_no_master_no_hanging() -> None:
    """A master that is gone is reported after the caller's patience, by address."""
    server = ControlServer(lambda call: HeartbeatReply(), HOST, TOKEN)
    address = server.address
    server.shutdown()
    with pytest.raises(WorkerLost, match=address):
        ControlClient(address, TOKEN, 0.3).call(Heartbeat("worker", 0))


def test_a_part_header_survives_the_wire() -> None:
    """Headers decode to what was encoded."""
    header = Part(1, 2, 3, 4, 5, 6, 7, "<f4")
    assert decode_part(encode(header)) == header


def test_a_total_that_is_given_up_stays_out_of_the_next() -> None:
    """A total on its way when its step is given up gets nowhere near the vector of the next step."""
    inbox, stream = Inbox(), SimpleNamespace(address="there", closing=False)
    first, second = np.zeros(4, np.float32), np.zeros(4, np.float32)
    late, due = (Part(generation, 0, 1, 0, 0, 0, 1, "<f4") for generation in (1, 2))
    inbox.open(StepKey(1, 0), {"there": ([(0, 4)], first)})
    room = inbox.room(stream, late)  # type: ignore[arg-type]
    assert room is not None
    inbox.abandon(2)
    inbox.open(StepKey(2, 0), {"there": ([(0, 4)], second)})
    room[:] = 1
    inbox.put(stream, late, room)  # type: ignore[arg-type]
    assert not second.any()
    assert not inbox.wait(0.0)
    inbox.put(stream, due, np.full(4, 2, np.float32))  # type: ignore[arg-type]
    assert inbox.wait(0.0)
    assert (second == 2).all()
