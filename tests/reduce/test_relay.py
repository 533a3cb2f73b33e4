"""A relay: whatever comes, in which order and from whom, the total has the bits of a single level."""

import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yarnml.errors import WorkerLost
from yarnml.reduce.reducer import Reducer, StepExpired, StepKey
from yarnml.reduce.relay import Relay
from yarnml.reduce.routing import groups
from yarnml.reduce.tree import Node, Vector, combine, root
from yarnml.reduce.wire import Part

KEY = StepKey(1, 0)


def value(shard: int, step: int = 0) -> Vector:
    return np.random.default_rng([shard, step]).normal(size=4).astype(np.float32)


def part(node: Node, shards: int, step: int = 0, generation: int = 1) -> Part:
    return Part(generation, step, shards, *node, 0, 1, "<f4")


def expected(shards: int) -> bytes:
    return combine({s: value(s) for s in range(shards)}, shards)[root(shards)].tobytes()


@given(st.integers(2, 24), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_bits_of_one_level(shards: int, order: random.Random) -> None:
    """Any groups, parts in any order and repeated, shards that another group computed: the total has the same bits."""
    owners = list(range(shards))
    order.shuffle(owners)
    parted = [frozenset(group) for group in groups(owners)]
    top = Reducer()
    relays = [Relay(flush_after=0.0) for _ in parted]
    for relay, group in zip(relays, parted, strict=True):
        relay.begin(1, group, lambda header, vector: top.add(header, vector))
    deliveries = [
        (order.choice(range(len(parted))) if order.random() < 0.2 else n, s) for n, g in enumerate(parted) for s in g
    ]
    deliveries += order.sample(deliveries, order.randint(0, len(deliveries)))
    order.shuffle(deliveries)
    for number, shard in deliveries:
        relays[number].add(part(Node(0, shard), shards), value(shard))
        if order.random() < 0.1:
            order.choice(relays).wait(KEY, 0.0)  # nothing has come for a while
    for relay in relays:
        relay.wait(KEY, 0.0)
    total = top.total(KEY, 0, 0.0)
    for relay in relays:
        relay.add_total(part(root(shards), shards), total)
        assert relay.total(KEY, 0, 0.0).tobytes() == expected(shards)


def test_a_group_goes_up_as_one_worker() -> None:
    """Parts wait for the others of the group, and go on once, joined as far as the tree allows."""
    relay = Relay(flush_after=60.0)
    passed: list[tuple[int, int]] = []
    relay.begin(1, frozenset(range(4, 8)), lambda header, vector: passed.append((header.level, header.place)))
    for shard in (6, 4, 7):
        relay.add(part(Node(0, shard), 8), value(shard))
    relay.wait(KEY, 0.0)
    assert passed == []
    assert relay.missing_shards(KEY) == [5]
    relay.add(part(Node(0, 5), 8), value(5))
    relay.add(part(Node(0, 5), 8), value(5))
    assert passed == [(2, 1)]
    relay.add(part(Node(0, 1), 8), value(1))  # a copy of a late task of another group
    assert passed == [(2, 1), (0, 1)]


def test_what_comes_before_the_generation_begins_is_kept() -> None:
    """Parts of workers that began a generation before the relay's own worker are passed on when that begins it, too."""
    relay = Relay()
    passed: list[Part] = []
    for shard in (0, 1):
        relay.add(part(Node(0, shard), 4, generation=2), value(shard))
    relay.begin(1, frozenset([0, 1]), lambda header, vector: passed.append(header))
    assert passed == []
    relay.begin(2, frozenset([0, 1]), lambda header, vector: passed.append(header))
    assert [(header.generation, header.level) for header in passed] == [(2, 1)]


@pytest.mark.parametrize("kind", [WorkerLost, StepExpired])
def test_what_goes_wrong_above_is_told_below(kind: type[WorkerLost]) -> None:
    """A wait for a total that can't come ends with the reason, of the same kind; the next generation begins anew."""
    relay = Relay()
    relay.begin(1, frozenset([0, 1]), lambda header, vector: None)
    threading.Timer(0.05, relay.fail, [kind("because of the test")]).start()
    with pytest.raises(kind, match="because of the test"):
        relay.total(KEY, 0, 30)
    assert relay.wait(KEY, 0.0)
    relay.begin(2, frozenset([0, 1]), lambda header, vector: None)
    relay.add_total(part(root(2), 2, generation=2), value(0))
    assert relay.total(StepKey(2, 0), 0, 0.0).tobytes() == value(0).tobytes()


def test_a_reducer_that_can_not_be_reached_is_told() -> None:
    """When the stream to the reducer above can't be opened, the group gets the reason instead of a total."""

    def above(header: Part, vector: Vector) -> None:
        raise WorkerLost("The reducer can't be reached.")

    relay = Relay()
    relay.begin(1, frozenset([0]), above)
    relay.add(part(Node(0, 0), 2), value(0))
    with pytest.raises(WorkerLost, match="can't be reached"):
        relay.total(KEY, 0, 30)


def test_a_wait_ends_with_who_is_missing() -> None:
    """A total that does not come in time is an error that names the group's missing shards, or the reducer above."""
    relay = Relay(flush_after=0.01)
    relay.begin(1, frozenset([2, 3]), lambda header, vector: None)
    relay.add(part(Node(0, 2), 4), value(2))
    with pytest.raises(WorkerLost, match=r"Step 0 waits for shards \[3\]"):
        relay.total(KEY, 0, 0.05)
    relay.add(part(Node(0, 3), 4), value(3))
    with pytest.raises(WorkerLost, match="Step 0 waits for the reducer above"):
        relay.total(KEY, 0, 0.05)


def test_memory_does_not_grow_with_steps() -> None:
    """However many steps pass, a relay holds the newest total alone."""
    relay = Relay()
    held = set()
    relay.begin(1, frozenset([0, 1]), lambda header, vector: None)
    for step in range(100):
        for shard in (0, 1):
            relay.add(part(Node(0, shard), 4, step), value(shard))
        relay.add_total(part(root(4), 4, step), value(0))
        relay.add(part(Node(0, 1), 4, step), value(1))  # late, and of no use
        assert relay.missing_shards(StepKey(1, step)) == []
        held.add(relay.held_bytes)
    assert held == {value(0).nbytes}
