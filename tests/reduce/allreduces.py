"""Real all-reduces in threads of one process, and the check that all workers get the total of one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

from yarnml.control.commands import Assignment, Idle
from yarnml.control.credentials import Credentials, Token
from yarnml.master.placement import assign
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.keyed import bytes_of
from yarnml.reduce.memory import MemoryAllReduce
from yarnml.reduce.placement import place_parts
from yarnml.reduce.reducer import Reducer, StepKey
from yarnml.reduce.routing import plan_routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.tree import Value, Vector, combine, pieces

HOST = "127.0.0.1"
SHARDS = 5
STEPS = 3
TOKEN = Token("secret of the test")


@contextmanager
def connected(
    workers: int,
    dedicated: int,
    timeout: float = 30.0,
    credentials: Credentials = TOKEN,
    levels: int = 1,
    *,
    owned: bool = False,
    followers: int = 0,
) -> Iterator[tuple[list[NetworkAllReduce], list[Reducer], Callable[[int], None]]]:
    """Real all-reduces for ``workers``, reducing among themselves or in ``dedicated`` reducers of their own.

    Gives them, all reducers, and a function that begins another generation; the first one has begun.

    ``owned``: the reducers keep a table; ``followers``: of each of its parts.
    """
    with ExitStack() as stack:
        services = [PeerServices(credentials) for _ in range(workers + dedicated)]
        servers = [ReducerServer(offered, HOST, credentials, timeout) for offered in services]
        for server in servers:
            stack.callback(server.shutdown)
        for offered in services:
            stack.callback(offered.close, "over")
        addresses = [server.address for server in servers]
        allreduces = [NetworkAllReduce(w, services[w], addresses[w], credentials, timeout) for w in range(workers)]
        of_workers = dict(enumerate(addresses[:workers]))
        shards = assign(SHARDS, range(workers))

        def begin(generation: int) -> None:
            reducers = addresses[workers:] or addresses
            assignment = Assignment(generation, Idle(), shards, reducers, of_workers, levels)
            for worker, allreduce in enumerate(allreduces):
                allreduce.abort_before(generation)
                allreduce.begin(plan_routes(assignment, worker)._replace(owners=reducers if owned else []))
                if allreduce.owners:
                    allreduce.owners.parts = place_parts([[]] * len(reducers), reducers, followers)
                    allreduce.owners.generation = generation

        for allreduce in allreduces:
            stack.callback(allreduce.close)
        begin(1)
        yield allreduces, [offered.reducer for offered in services], begin


def leaf(step: int, shard: int, length: int, dtype: str) -> Vector:
    """A shard's vector at a step; sums of several depend, to the bit, on the order of additions."""
    return (np.random.default_rng([step, shard]).normal(size=length) * 10.0 ** (shard % 5)).astype(dtype)


def bits(value: Value) -> bytes:
    return b"".join(bytes_of(piece).tobytes() for piece in pieces(value))


def check_sums(
    allreduces: list[NetworkAllReduce],
    leaves: Callable[[int, int], Value],
    steps: int = STEPS,
    generation: int = 1,
    delay: int = 0,
) -> None:
    """Every worker goes through some steps in a thread of its own, and gets the totals of one that has all shards.

    ``leaves``: (step, shard) → its value.  ``delay``: how many later sums are started before one is waited for.
    """
    totals: dict[tuple[int, int], bytes] = {}

    def work(worker: int, own_shards: list[int]) -> None:
        allreduce = allreduces[worker]
        for step in range(steps + delay):
            if step < steps:
                parts = combine({s: leaves(step, s) for s in own_shards}, SHARDS)
                allreduce.start(StepKey(generation, step), parts, SHARDS, delay)
            if step >= delay:
                totals[worker, step - delay] = bits(allreduce.wait(StepKey(generation, step - delay)))

    threads = [threading.Thread(target=work, args=item) for item in assign(SHARDS, range(len(allreduces))).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for step in range(steps):
        whole = combine({s: leaves(step, s) for s in range(SHARDS)}, SHARDS)
        alone = bits(MemoryAllReduce().reduce(StepKey(1, step), whole, SHARDS))
        assert {totals.get((w, step)) for w in range(len(allreduces))} == {alone}
