"""The reduction tree: one order of additions, whoever adds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yarnml.master.placement import assign
from yarnml.reduce.tree import Join, Node, Vector, combine, root


def leaves_of(shards: int) -> dict[int, Vector]:
    """Vectors whose sum depends, to the bit, on the order of additions."""
    random = np.random.default_rng(shards)
    return {s: (random.normal(size=8) * 10.0 ** random.integers(-6, 7, 8)).astype(np.float32) for s in range(shards)}


def by_definition(node: Node, shards: int, leaves: dict[int, Vector]) -> Vector:
    """The value of a node, straight from its definition."""
    if node.level == 0:
        return leaves[node.place]
    left, right = (Node(node.level - 1, 2 * node.place + side) for side in (0, 1))
    value = by_definition(left, shards, leaves)
    return value + by_definition(right, shards, leaves) if right.shards.start < shards else value


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[Node]]:
    """A number of shards and parts in any order: every shard at least once, repeats and larger subtrees among them."""
    shards = draw(st.integers(1, 20))
    workers = draw(st.lists(st.integers(0, 4), min_size=shards, max_size=shards))
    owned = [{s: np.zeros(1) for s in range(shards) if workers[s] == w} for w in set(workers)]
    nodes = [node for own in owned for node in combine(own, shards)]
    extra = draw(st.lists(st.integers(0, shards - 1).map(lambda s: Node(0, s)), max_size=10))
    return shards, draw(st.permutations([*nodes, *extra, *draw(st.lists(st.sampled_from(nodes), max_size=5))]))


@given(deliveries())
def test_same_bits_in_any_order_of_arrival(delivery: tuple[int, list[Node]]) -> None:
    """Whatever the order, the repeats and the owners of the parts, the total has the bits of the definition."""
    shards, nodes = delivery
    leaves = leaves_of(shards)
    join = Join(shards)
    for node in nodes:
        join.add(node, by_definition(node, shards, leaves))
    assert join.total is not None
    assert join.total.tobytes() == by_definition(root(shards), shards, leaves).tobytes()


@given(st.integers(1, 40), st.integers(1, 12))
def test_combiner_sends_few_subtrees(shards: int, workers: int) -> None:
    """A contiguous run of shards is combined into at most two subtrees a level, which join to the same total."""
    leaves = leaves_of(shards)
    join = Join(shards)
    for own in assign(shards, range(workers)).values():
        parts = combine({s: leaves[s] for s in own}, shards)
        assert len(parts) <= 2 * max(1, len(own).bit_length())
        for node, value in parts.items():
            assert join.add(node, value)
    assert join.total is not None
    assert join.total.tobytes() == by_definition(root(shards), shards, leaves).tobytes()


def test_first_delivery_counts() -> None:
    """A second delivery of a shard, alone or inside a subtree, is dropped."""
    join = Join(4)
    assert join.add(Node(0, 1), np.ones(1))
    assert not join.add(Node(0, 1), np.full(1, 9.0))
    assert join.add(Node(0, 0), np.ones(1))
    assert not join.add(Node(0, 0), np.full(1, 9.0))
    assert join.missing_shards == [2, 3]
    assert join.add(Node(1, 1), np.ones(1))
    assert not join.add(Node(0, 3), np.full(1, 9.0))
    assert join.total is not None
    assert join.total.tolist() == [3.0]


@given(st.integers(1, 50), st.integers(1, 60))
def test_assignment_is_a_partition(shards: int, workers: int) -> None:
    """Every shard has exactly one worker, and no worker has two more than another."""
    assigned = assign(shards, range(workers))
    assert sorted(s for own in assigned.values() for s in own) == list(range(shards))
    assert max(map(len, assigned.values())) - min(map(len, assigned.values())) <= 1
