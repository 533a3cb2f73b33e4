"""Followers have the rows of their owners: a lost one costs a step at most, and the bits stay those of one table."""

import queue
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.reduce.allreduces import SHARDS
from tests.reduce.owned_tables import (
    TRAINING,
    addresses_of,
    alone,
    bits,
    owners,
    regroup,
    rows_of,
    sums,
    table_of,
    train,
)
from yarnml.control.credentials import Credentials
from yarnml.control.holders import Holders, KeptPart, TableFiles
from yarnml.errors import OwnerLost, WorkerLost, YarnmlError
from yarnml.master.state_sync import keepers_of
from yarnml.reduce.connections.base import Connection
from yarnml.reduce.followers import Followers
from yarnml.reduce.owner_wire import FollowUpdate
from yarnml.reduce.placement import place_parts
from yarnml.reduce.reducer import StepAborted, StepKey
from yarnml.reduce.tree import combine
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.run import empty_run


@pytest.mark.parametrize(("workers", "dedicated"), [(3, 0), (2, 3)])
def test_an_owner_is_lost(workers: int, dedicated: int, credentials: Credentials) -> None:
    """Each owner is lost in turn, and comes back without its rows: training goes on from the step where it was."""
    with owners(workers, dedicated, 1, credentials=credentials) as (allreduces, reducers):
        addresses = addresses_of(allreduces)
        step = 0
        generation = 1
        for lost in range(len(addresses)):
            train(allreduces, step, step + 2, generation)
            step += 2
            assert rows_of(reducers) == bits(alone(step).arrays())
            assert table_of(allreduces[0], step).differing() == ""
            reducers[lost].owner.kept.parts.clear()
            rest = [address for address in addresses if address != addresses[lost]]
            regroup(allreduces, rest, step, generation + 1, followers=1)
            train(allreduces, step, step + 1, generation + 1)
            step += 1
            regroup(allreduces, addresses, step, generation + 2, followers=1)
            generation += 2
            assert sorted(addresses_of(allreduces)) == sorted(addresses), "every process owns a part again"
            assert all(len(reducer.owner.kept.parts) == 2 for reducer in reducers)
        assert rows_of(reducers) == bits(alone(step).arrays())


def test_the_way_to_a_follower_fails() -> None:
    """The owner hears of it, whatever it was, and the next update finds its thread at work."""

    def connect(address: str) -> Connection:
        raise MemoryError("no room for another stream")

    ways = Followers(connect)
    heard: queue.SimpleQueue[YarnmlError | None] = queue.SimpleQueue()
    for step in range(2):
        ways.forward("host:1", FollowUpdate(1, step, 0, 0, 1), empty_run(1), heard.put)
        error = heard.get(timeout=30)
        assert isinstance(error, WorkerLost)
        assert str(error) == "An update can't go on to the follower at host:1: MemoryError: no room for another stream"
    ways.close()


def test_a_step_ahead() -> None:
    """Owners and followers that are a step ahead of the workers go back by it."""
    with owners(2, 3, 1) as (allreduces, reducers):
        train(allreduces, 0, 3)
        regroup(allreduces, addresses_of(allreduces)[1:], 2, 2, followers=1)
        train(allreduces, 2, 4, 2)
        assert rows_of(reducers[1:]) == bits(alone(4).arrays())


@pytest.mark.parametrize(
    "policy",
    [KeyPolicy(probability=0.2, max_age=2, tracked=True, seed=5), KeyPolicy(min_count=2, max_age=1, tracked=True)],
    ids=["probability", "count"],
)
def test_admission_and_eviction(policy: KeyPolicy, tmp_path: Path) -> None:
    """Owners admit and evict the keys that one process does: a step ahead, lost, and continued by others.

    These read a full checkpoint, and another one of what has changed since, which is smaller.
    """
    with owners(3, 0, 1, policy) as (allreduces, reducers):
        train(allreduces, 0, 5, policy=policy)
        addresses = addresses_of(allreduces)
        regroup(allreduces, addresses[1:], 4, 2, 1, policy)
        train(allreduces, 4, 6, 2, policy)
        table = table_of(allreduces[0], 6)
        assert not table.differing()
        size = alone(6, policy).parts()[0]
        assert size.evicted > 100
        sums_of_parts = [sum(numbers) for numbers in zip(*table.parts(), strict=True)]
        assert [sums_of_parts[0], *sums_of_parts[2:]] == [size.keys, *size[2:]]
        layers = [TableFiles(str(tmp_path / "6"), table.save(str(tmp_path / "6"))())]
        train(allreduces, 6, 7, 2, policy)
        layers.append(TableFiles(str(tmp_path / "7"), table_of(allreduces[0], 7).save(str(tmp_path / "7"), 1)()))
        sizes = [sum(file.stat().st_size for file in Path(layer.folder).iterdir()) for layer in layers]
        assert sizes[1] < 0.6 * sizes[0]
    with owners(1, 2, 1, policy) as (allreduces, reducers):
        table_of(allreduces[0], 7, policy).begin(TRAINING, 7, layers)
        assert rows_of(reducers) == bits(alone(7, policy).arrays())
        train(allreduces, 7, 8, policy=policy)
        assert rows_of(reducers) == bits(alone(8, policy).arrays())


def test_owner_and_follower_are_lost() -> None:
    """The loss of both keepers of a part is told, so that the newest checkpoint is taken."""
    with owners(2, 3, 1) as (allreduces, _):
        train(allreduces, 0, 1)
        first = table_of(allreduces[0], 1)._owners.parts[0]
        with pytest.raises(OwnerLost):
            regroup(allreduces, [a for a in addresses_of(allreduces) if a not in first.addresses], 1, 2, 1)


def test_a_follower_that_does_not_answer(credentials: Credentials) -> None:
    """No worker gets a total before the follower has it; the wait ends with the generation, and training goes on."""
    with owners(1, 2, 1, credentials=credentials) as (allreduces, reducers):
        train(allreduces, 0, 1)
        table = alone(1)
        parts = combine({s: sums(table, 1, s) for s in range(SHARDS)}, SHARDS)
        with reducers[1].owner.kept.changed:
            timer = threading.Timer(0.3, allreduces[0].abort_before, [2])
            timer.start()
            with pytest.raises(StepAborted):
                allreduces[0].reduce(StepKey(1, 1), parts, SHARDS)
        timer.join()
        regroup(allreduces, addresses_of(allreduces), 1, 2, 1)
        train(allreduces, 1, 2, 2)
        assert rows_of(reducers) == bits(alone(2).arrays())


def test_rows_that_differ() -> None:
    """A follower with other rows than its owner is found at the end of the round."""
    with owners(1, 2, 1) as (allreduces, reducers):
        train(allreduces, 0, 2)
        reducers[1].owner.kept.parts[0].table._rows.arrays[0][3, 0] += 1
        assert "After step 2 part 0 of the table differs between" in table_of(allreduces[0], 2).differing()


def test_another_training() -> None:
    """Parts of another training's table are of no use, even after the same step."""
    with owners(1, 2, 1) as (allreduces, _):
        own = table_of(allreduces[0], 0)
        own.begin("another folder", 0)
        with pytest.raises(OwnerLost):
            regroup(allreduces, addresses_of(allreduces), 0, 2, 1)
        with suppress(WorkerLost):
            own.begin(TRAINING, 0)
        regroup(allreduces, addresses_of(allreduces), 0, 3, 1)


def test_traffic_of_followers() -> None:
    """A follower gets every key of a step once, with 4 bytes a weight, and owners nothing but that.

    A key has 8 bytes, or 4 where it has 32 bits or less.
    """
    with owners(1, 3, 1) as (allreduces, _):
        for step, size in ((0, 4), (1, 8)):
            of_shards = [len(sums(alone(0), step, s).run.keys) for s in range(SHARDS)]
            keys = len(combine({s: sums(alone(0), step, s) for s in range(SHARDS)}, SHARDS).popitem()[1].run.keys)
            sent_before = allreduces[0].sent.bytes
            train(allreduces, step, step + 1)
            assert allreduces[0].sent.bytes - sent_before == 4 * 4 + keys * (size + 4 * 3) + size * sum(of_shards)


OWN = [Holders("a", "b"), Holders("b", "c"), Holders("c", "a")]


@pytest.mark.parametrize(
    ("kept", "addresses", "expected"),
    [
        ([[], [], []], "abc", ["ab", "bc", "ca"]),
        ([["a", "b"], ["b", "c"], ["c", "a"]], "abc", ["ab", "bc", "ca"]),
        ([["b"], ["b", "c"], ["c"]], "bc", ["bc", "bc", "cb"]),
        ([["b"], ["b", "c"], ["c"]], "bcd", ["bc", "db", "cd"]),
        ([["b", "c"], ["b", "c"], ["c", "b"]], "bcd", ["bc", "db", "cd"]),
        ([[], []], "a", ["a", "a"]),
        ([[], []], "abcd", ["ab", "bc"]),
    ],
)
def test_placement(kept: list[list[str]], addresses: str, expected: list[str]) -> None:
    """Parts stay where they are, the load is even, and a newcomer takes over what a lost process has left to others."""
    placed = place_parts(kept, list(addresses), 1)
    assert ["".join(part.addresses) for part in placed] == expected


def test_hosts() -> None:
    """A follower is on another host than its owner, if there is another."""
    addresses = ["one:1", "one:2", "two:1", "two:2"]
    placed = place_parts([[]] * 4, addresses, 1)
    assert all(part.owner[:3] != part.follower[:3] for part in placed)
    assert len({part.follower for part in placed}) == 4


def test_keepers() -> None:
    """A part can be had from who stands after the step, or one update behind it; its owner comes first."""
    kept = {
        "c": [KeptPart(0, [5]), KeptPart(1, [6, 5])],
        "b": [KeptPart(0, [5, 4]), KeptPart(1, [6]), KeptPart(2, [4, 3])],
        "a": [KeptPart(2, [5])],
    }
    assert keepers_of(OWN, kept, 5) == [["b", "c"], ["c"], ["a"]]


def test_keepers_of_an_asynchronous_round() -> None:
    """A part of a round is had from who has most of its sums; a round that is over is after its last step."""
    kept = {
        "c": [KeptPart(0, [0], 3), KeptPart(1, [0, 5], 9)],
        "b": [KeptPart(0, [0], 4), KeptPart(1, [0], 8), KeptPart(2, [0], 4)],
        "a": [KeptPart(2, [0], 4)],
    }
    assert keepers_of(OWN, kept, 0)[:2] == [["b"], ["c"]]
    assert sorted(keepers_of(OWN, kept, 0)[2]) == ["a", "b"]
    assert keepers_of(OWN, kept, 5) == [[], ["c"], []]
