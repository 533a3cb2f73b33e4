"""Workers in threads and real owners of a table, beside one process that has all of its rows."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from tests.reduce.allreduces import SHARDS, connected
from yarnml.control.credentials import Credentials
from yarnml.errors import OwnerLost
from yarnml.job.learners import Adagrad, Ftrl
from yarnml.master.placement import assign
from yarnml.master.state_sync import keepers_of
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.kept_parts import PartOfTable
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.owned_table import OwnedTable, kept_parts
from yarnml.reduce.placement import place_parts
from yarnml.reduce.reducer import Reducer, StepKey
from yarnml.reduce.tree import combine, root
from yarnml.sparse.base import Weights
from yarnml.sparse.block import Block
from yarnml.sparse.policy import ALL_KEYS, KeyPolicy
from yarnml.sparse.rules import rule_of
from yarnml.sparse.run import Run
from yarnml.sparse.stored import joined
from yarnml.sparse.table import Table

BLOCKS = (Block("weight", 1, rule_of(Ftrl())), Block("factors", 2, rule_of(Adagrad()), 0.1, 7))
WIDTH = 3
TRAINING = "a folder"


def sums(table: Weights, step: int, shard: int) -> KeyedVector:
    """A shard's sums at a step: a function of the weights of its keys, some of which come for the first time."""
    random = np.random.default_rng([step, shard])
    keys = np.unique(random.integers(0, 2**64, 300, np.uint64) >> np.uint64(50) << np.uint64(50))
    keys += np.uint64(step % 2)  # those of even steps have 32 bits or less, and travel so
    weights = table.weights(keys, unknown_as_first=True)
    noise = random.normal(size=(len(keys), WIDTH)).astype(np.float32)
    values = np.concatenate([weights[block.name] for block in BLOCKS], axis=1) * np.float32(0.1) + noise
    if not table.policy.admits_all:
        values = np.column_stack([values, random.integers(1, 3, len(keys)).astype(np.float32)])
    return KeyedVector(random.normal(size=4).astype(np.float32), Run(keys, values))


def alone(steps: int, policy: KeyPolicy = ALL_KEYS, delay: int = 0) -> Table:
    """The table of one process after so many steps."""
    table = Table(BLOCKS, policy, delay)
    for step in range(steps):
        older = table.before(min(step, delay))
        table.update(combine({s: sums(older, step, s) for s in range(SHARDS)}, SHARDS)[root(SHARDS)].run)
    return table


def bits(arrays: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in arrays.items()}


def rows_of(reducers: Sequence[Reducer]) -> dict[str, bytes]:
    """The rows of all parts, in their order; those of owner and follower are the same."""
    parts: dict[int, dict[str, np.ndarray]] = {}
    for reducer in reducers:
        for number, part in reducer.owner.kept.parts.items():
            arrays = part.table.arrays(before=0)
            assert bits(parts.setdefault(number, arrays)) == bits(arrays)
    return bits(joined([parts[number] for number in sorted(parts)]))


def parts_of(reducers: Sequence[Reducer]) -> list[PartOfTable]:
    """All parts that are kept, by owners and followers."""
    return [part for reducer in reducers for part in reducer.owner.kept.parts.values()]


def regroup(
    allreduces: Sequence[NetworkAllReduce],
    addresses: Sequence[str],
    step: int,
    generation: int,
    followers: int = 0,
    policy: KeyPolicy = ALL_KEYS,
    delay: int = 0,
) -> None:
    """Have the parts go on after a step at these processes alone, as master and workers do it."""
    for allreduce in allreduces:
        assert allreduce.owners
        allreduce.abort_before(generation)
        allreduce.owners.generation = generation
    owners = allreduces[0].owners
    assert owners
    kept = kept_parts(owners, addresses, TRAINING)
    keepers = keepers_of(owners.parts, kept, step)
    if not all(keepers):
        raise OwnerLost("nobody keeps a part")
    parts = place_parts(keepers, addresses, followers)
    for allreduce in allreduces:
        assert allreduce.owners
        allreduce.owners.parts = parts
        allreduce.begin(allreduce._routes._replace(owners=[part.owner for part in parts], generation=generation))
    table_of(allreduces[0], step, policy, delay).resume(TRAINING, step, keepers)


def train(
    allreduces: Sequence[NetworkAllReduce],
    first: int,
    last: int,
    generation: int = 1,
    policy: KeyPolicy = ALL_KEYS,
    delay: int = 0,
    begun: int = 0,
) -> None:
    """Train steps on all workers, each in a thread of its own; fails where one of them does.

    ``begun``: how many more steps are computed and given, without a wait for their totals.
    """

    def work(worker: int, shards: list[int]) -> None:
        table = table_of(allreduces[worker], first, policy, delay)
        started = []
        for step in range(first, last + begun):
            older = table.before(table.step - max(0, step - delay))
            parts = combine({s: sums(older, step, s) for s in shards}, SHARDS)
            allreduces[worker].start(StepKey(generation, step), parts, SHARDS, delay)
            started.append(step)
            while len(started) > (delay if step + 1 < last else begun):
                total = allreduces[worker].wait(StepKey(generation, started.pop(0)))
                assert isinstance(total, KeyedVector)
                assert len(total.dense) == 4
                table.update(total.run)

    side_by_side(len(allreduces), work)


def side_by_side(workers: int, work: Callable[[int, list[int]], None]) -> None:
    """Have each worker do its ``work``, by its index and shards, in a thread; fails where one of them does."""
    errors: list[BaseException] = []

    def note_errors(worker: int, shards: list[int]) -> None:
        try:
            work(worker, shards)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=note_errors, args=item) for item in assign(SHARDS, range(workers)).items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def table_of(allreduce: NetworkAllReduce, step: int, policy: KeyPolicy = ALL_KEYS, delay: int = 0) -> OwnedTable:
    assert allreduce.owners
    table = OwnedTable(BLOCKS, allreduce.owners, policy, delay)
    table.step = step
    return table


@contextmanager
def owners(
    workers: int, dedicated: int, followers: int = 0, policy: KeyPolicy = ALL_KEYS, **arguments: Credentials
) -> Iterator[tuple[list[NetworkAllReduce], list[Reducer]]]:
    """Workers and the reducers that keep a table, without rows."""
    with connected(workers, dedicated, owned=True, followers=followers, **arguments) as (allreduces, reducers, _):
        table_of(allreduces[0], 0, policy).begin(TRAINING, 0)
        yield allreduces, reducers[workers:] or reducers


def addresses_of(allreduces: Sequence[NetworkAllReduce]) -> list[str]:
    """The owners of all parts, in their order."""
    assert allreduces[0].owners
    return [part.owner for part in allreduces[0].owners.parts]
