"""The all-reduce over real connections: sockets of one machine, and Arrow Flight with TLS on the loopback address."""

import threading
from functools import partial

import numpy as np
import pyarrow.flight as fl
import pytest

from tests.reduce.allreduces import HOST, SHARDS, TOKEN, check_sums, connected, leaf
from yarnml.control.credentials import Credentials
from yarnml.errors import WorkerLost
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.chunks import CHUNK_ELEMENTS
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.tree import combine

LONG_VECTOR = pytest.param(3 * CHUNK_ELEMENTS + 5, marks=pytest.mark.long)


@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
@pytest.mark.parametrize("length", [1, 7, LONG_VECTOR])
@pytest.mark.parametrize(
    ("workers", "dedicated"),
    [*(pytest.param(*sizes, marks=pytest.mark.breadth) for sizes in [(1, 2), (2, 0)]), (1, 0), (3, 0), (2, 1), (3, 2)],
)
def test_every_worker_gets_the_bits_of_one(
    workers: int, dedicated: int, length: int, dtype: str, credentials: Credentials
) -> None:
    """Any number of workers and reducers gives the total that one process computes, to the bit, step after step."""
    with connected(workers, dedicated, credentials=credentials) as (allreduces, *_):
        check_sums(allreduces, partial(leaf, length=length, dtype=dtype))


@pytest.mark.parametrize("length", [7, LONG_VECTOR])
@pytest.mark.parametrize(("workers", "dedicated"), [(5, 0), (4, 2)])
def test_two_levels_give_the_same_bits(workers: int, dedicated: int, length: int, credentials: Credentials) -> None:
    """Relays change no bit; a worker has streams to its group alone, and one from its relay to a reducer."""
    with connected(workers, dedicated, credentials=credentials, levels=2) as (allreduces, *_):
        check_sums(allreduces, partial(leaf, length=length, dtype="<f4"))
        assert any(allreduce.relay_sent.messages for allreduce in allreduces)
        assert max(allreduce.stream_count for allreduce in allreduces) <= 2  # the largest group has three


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize(("workers", "dedicated", "levels"), [(3, 0, 1), (2, 1, 1), (4, 0, 2)])
def test_sums_that_overlap(workers: int, dedicated: int, levels: int, delay: int, credentials: Credentials) -> None:
    """Workers that start the next sums before they wait for a total get the same bits, and reducers keep few totals."""
    length = 300
    with connected(workers, dedicated, credentials=credentials, levels=levels) as (allreduces, reducers, _):
        check_sums(allreduces, partial(leaf, length=length, dtype="<f4"), steps=9, delay=delay)
        assert max(reducer.held_bytes for reducer in reducers) == (delay + 1) * 4 * length


@pytest.mark.parametrize("dedicated", [0, 1])
def test_what_breaks_above_a_relay_reaches_its_group(dedicated: int, credentials: Credentials) -> None:
    """When the reducer above gives up, workers that gave relays their parts are told; the next generation is fine."""
    reasons: list[str] = []

    def work(allreduce: NetworkAllReduce, shard: int) -> None:
        try:
            allreduce.reduce(StepKey(1, 0), combine({shard: leaf(0, shard, 8, "<f4")}, SHARDS), SHARDS)
        except WorkerLost as exc:
            reasons.append(str(exc))

    with connected(4, dedicated, credentials=credentials, levels=2) as (allreduces, reducers, begin):
        # The last worker is late.
        threads = [threading.Thread(target=work, args=(allreduces[w], w)) for w in range(3)]
        for thread in threads:
            thread.start()
        for reducer in reducers:
            reducer.fail(1, WorkerLost("it dies"))
        for thread in threads:
            thread.join()
        assert len(reasons) == 3
        assert all("it dies" in text for text in reasons)
        begin(2)
        check_sums(allreduces, partial(leaf, length=8, dtype="<f4"), generation=2)


def test_only_foreign_slices_travel() -> None:
    """A worker sends each of its bytes once, and gets as many back, but for the slice that it reduces itself."""
    length = 3 * CHUNK_ELEMENTS
    workers = 3
    with connected(workers, 0) as (allreduces, *_):
        threads = [
            threading.Thread(
                target=allreduces[w].reduce, args=(StepKey(1, 0), combine({w: leaf(0, w, length, "<f4")}, 3), 3)
            )
            for w in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for traffic in [traffic for a in allreduces for traffic in (a.sent, a.received)]:
            assert (traffic.messages, traffic.bytes) == (2, 4 * length * 2 // 3)


def test_a_reducer_that_dies_is_named(credentials: Credentials) -> None:
    """When a reducer hangs up in the middle of a step, the worker is told which one, at once."""
    services = PeerServices(credentials)
    server = ReducerServer(services, HOST, credentials, 30)
    allreduce = NetworkAllReduce(0, PeerServices(credentials), "nowhere", credentials, 30)
    allreduce.begin(Routes([server.address], 2))
    threading.Timer(0.1, services.close, ["dies"]).start()
    with pytest.raises(WorkerLost, match=server.address):
        allreduce.reduce(StepKey(1, 0), combine({0: np.ones(8, np.float32)}, 2), 2)
    allreduce.close()
    server.shutdown()


def test_a_missing_peer_ends_the_wait(credentials: Credentials) -> None:
    """Without the other worker's part the all-reduce ends by its deadline, and names the step."""
    with connected(2, 0, 0.3, credentials) as (allreduces, *_), pytest.raises(WorkerLost, match=r"[Ss]tep 4"):
        allreduces[0].reduce(StepKey(1, 4), combine({0: np.ones(8, np.float32)}, 2), 2)


def test_strangers_are_refused() -> None:
    """A process without the job's token can't stream to a reducer."""
    server = ReducerServer(PeerServices(TOKEN), HOST, TOKEN, 1)
    with pytest.raises(fl.FlightUnauthenticatedError):
        fl.connect(f"grpc+unix://{server.address}").do_exchange(fl.FlightDescriptor.for_command(b""))[1].read_chunk()
    server.shutdown()
