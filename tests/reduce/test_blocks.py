"""Gradients in blocks: every node of the tree has one value, in few bytes, and on average the right one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reduce.allreduces import check_sums, connected
from yarnml.reduce import blocks
from yarnml.reduce.blocks import BLOCK_NUMBERS, FORMS, INT4, INT8, numbers_of
from yarnml.reduce.chunks import CHUNK_ELEMENTS
from yarnml.reduce.tree import Join, MixedVector, Node, combine, root

LENGTH = 3 * BLOCK_NUMBERS + 7

every_kind = pytest.mark.parametrize("kind", FORMS.values(), ids=FORMS)


def numbers(shard: int, length: int = LENGTH) -> np.ndarray:
    return (np.random.default_rng([shard]).normal(size=length) * 10.0 ** (shard % 5)).astype(np.float32)


def leaf(kind: np.dtype, shard: int, step: int = 0, length: int = LENGTH) -> MixedVector:
    exact = np.arange(2, dtype=np.float32) + shard
    return MixedVector(blocks.rounded(numbers(shard, length), kind, 1, step, *Node(0, shard)), exact)


@every_kind
@given(st.integers(1, 12).flatmap(lambda shards: st.permutations(range(shards))), st.integers(1, 4))
@settings(max_examples=20)
def test_nodes_have_one_value(kind: np.dtype, order: list[int], workers: int) -> None:
    """Whoever adds what, in whatever order, the total is that of the tree's definition, rounded at every node."""
    shards = len(order)

    def by_definition(node: Node) -> np.ndarray:
        if node.level == 0:
            return leaf(kind, node.place).rounded
        left, right = (Node(node.level - 1, 2 * node.place + side) for side in (0, 1))
        if right.shards.start >= shards:
            return by_definition(left)
        a = by_definition(left)
        b = by_definition(right)
        total = numbers_of(a, LENGTH) + numbers_of(b, LENGTH)
        return blocks.rounded(total, kind, 1, 0, *node)

    join = Join[MixedVector](shards)
    for worker in range(workers):
        for node, value in combine({s: leaf(kind, s) for s in order[worker::workers]}, shards).items():
            join.add(node, value)
    assert join.total is not None
    assert join.total.rounded.tobytes() == by_definition(root(shards)).tobytes()


@every_kind
@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 3), (2, 4)])
def test_a_slice_is_a_slice_of_the_sum(kind: np.dtype, low: int, high: int) -> None:
    """Blocks that are added apart have the bits of the whole sum, as reducers of slices need."""
    left = leaf(kind, 0).rounded
    right = leaf(kind, 1).rounded
    apart = blocks.added(left[low:high], right[low:high], 1, 0)
    assert apart.tobytes() == blocks.added(left, right, 1, 0)[low:high].tobytes()


@pytest.mark.parametrize(("kind", "largest"), [(INT8, 127), (INT4, 7)], ids=FORMS)
def test_the_mean_stays(kind: np.dtype, largest: int) -> None:
    """A number becomes one of its two neighbours, as often as it is near to each, however small it is in its block."""
    steps = 4000
    values = np.array([largest, -largest, 0.01, 0.5, -3.25, largest / 2.1, 0], np.float32)
    drawn = np.array([numbers_of(blocks.rounded(values, kind, 3, step, 0, 5), len(values)) for step in range(steps)])
    assert np.abs(drawn - values).max() < 1
    fractions = values - np.floor(values)
    error = np.sqrt(fractions * (1 - fractions) / steps)
    assert (np.abs(drawn.mean(axis=0) - values) <= 4 * error + 1e-6).all()


@every_kind
def test_random_numbers_are_counted(kind: np.dtype) -> None:
    """Seed, step, node and block each give other random numbers, and the same ones again."""
    values = np.tile(numbers(0, BLOCK_NUMBERS), 2)
    arguments = [(1, 2, 3, 4), (2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 2, 4), (1, 2, 3, 5)]
    codes = [blocks.rounded(values, kind, *counted)["codes"] for counted in arguments]
    assert len({drawn.tobytes() for drawn in codes}) == len(arguments)
    assert codes[0][0].tobytes() != codes[0][1].tobytes()
    assert blocks.rounded(values, kind, *arguments[0])["codes"].tobytes() == codes[0].tobytes()


@every_kind
def test_numbers_that_are_none(kind: np.dtype) -> None:
    """NaN, infinity and sums that overflow make their block NaN and no other; zeros and the smallest numbers are 0."""
    values = np.zeros(5 * BLOCK_NUMBERS, np.float32)
    values[BLOCK_NUMBERS] = np.nan
    values[2 * BLOCK_NUMBERS + 1] = -np.inf
    values[3 * BLOCK_NUMBERS + 2] = 1e-40
    values[4 * BLOCK_NUMBERS + 3] = 3e38
    once = blocks.rounded(values, kind, 0, 0, 0, 0)
    twice = blocks.added(once, once, 1, 0)
    for value, expected in ((once, [0, np.nan, np.nan, 0, 3e38]), (twice, [0, np.nan, np.nan, 0, np.nan])):
        largest = numbers_of(value, len(values)).reshape(5, -1).max(axis=1)
        np.testing.assert_allclose(largest, np.array(expected, np.float32), rtol=1e-6)


@pytest.mark.parametrize(("kind", "size"), [(INT8, 264), (INT4, 136)], ids=FORMS)
@pytest.mark.parametrize(("workers", "dedicated", "levels"), [(3, 0, 1), (2, 1, 1), (5, 0, 2)])
def test_few_bytes_travel(workers: int, dedicated: int, levels: int, kind: np.dtype, size: int) -> None:
    """Over real connections all get the bits of one, in blocks of 256 numbers and chunks of so many blocks."""
    length = 2 * CHUNK_ELEMENTS + 300
    count = -(-length // BLOCK_NUMBERS)
    with connected(workers, dedicated, levels=levels) as (allreduces, *_):
        check_sums(allreduces, lambda step, shard: leaf(kind, shard, step, length), steps=2)
        received = sum(allreduce.received.bytes for allreduce in allreduces)
        messages = sum(allreduce.received.messages for allreduce in allreduces)
    if levels == 1:
        assert received == 2 * (size * count + 4 * 2) * (workers if dedicated else workers - 1)
        assert messages >= 2 * count * BLOCK_NUMBERS / CHUNK_ELEMENTS
