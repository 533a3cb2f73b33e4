"""Gradients in int8: every node of the tree has one value, in a quarter of the bytes, and on average the right one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reduce.allreduces import check_sums, connected
from yarnml.reduce import int8
from yarnml.reduce.chunks import CHUNK_ELEMENTS
from yarnml.reduce.int8 import BLOCK_NUMBERS, INT8, numbers_of
from yarnml.reduce.tree import Join, MixedVector, Node, combine, root

LENGTH = 3 * BLOCK_NUMBERS + 7


def numbers(shard: int, length: int = LENGTH) -> np.ndarray:
    return (np.random.default_rng([shard]).normal(size=length) * 10.0 ** (shard % 5)).astype(np.float32)


def leaf(shard: int, step: int = 0, length: int = LENGTH) -> MixedVector:
    exact = np.arange(2, dtype=np.float32) + shard
    return MixedVector(int8.rounded(numbers(shard, length), 1, step, *Node(0, shard)), exact)


@given(st.integers(1, 12).flatmap(lambda shards: st.permutations(range(shards))), st.integers(1, 4))
@settings(max_examples=40)
def test_nodes_have_one_value(order: list[int], workers: int) -> None:
    """Whoever adds what, in whatever order, the total is that of the tree's definition, rounded at every node."""
    shards = len(order)

    def by_definition(node: Node) -> np.ndarray:
        if node.level == 0:
            return leaf(node.place).rounded
        left, right = (Node(node.level - 1, 2 * node.place + side) for side in (0, 1))
        if right.shards.start >= shards:
            return by_definition(left)
        a = by_definition(left)
        b = by_definition(right)
        total = numbers_of(a, LENGTH) + numbers_of(b, LENGTH)
        return int8.rounded(total, 1, 0, *node)

    join = Join[MixedVector](shards)
    for worker in range(workers):
        for node, value in combine({s: leaf(s) for s in order[worker::workers]}, shards).items():
            join.add(node, value)
    assert join.total is not None
    assert join.total.rounded.tobytes() == by_definition(root(shards)).tobytes()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 3), (2, 4)])
def test_a_slice_is_a_slice_of_the_sum(low: int, high: int) -> None:
    """Blocks that are added apart have the bits of the whole sum, as reducers of slices need."""
    left = leaf(0).rounded
    right = leaf(1).rounded
    apart = int8.added(left[low:high], right[low:high], 1, 0)
    assert apart.tobytes() == int8.added(left, right, 1, 0)[low:high].tobytes()


def test_the_mean_stays() -> None:
    """A number becomes one of its two neighbours, as often as it is near to each, however small it is in its block."""
    steps = 4000
    values = np.array([127, -127, 0.01, 0.5, -3.25, 60.999, 0], np.float32)
    drawn = np.array([numbers_of(int8.rounded(values, 3, step, 0, 5), len(values)) for step in range(steps)])
    assert np.abs(drawn - values).max() < 1
    fractions = values - np.floor(values)
    error = np.sqrt(fractions * (1 - fractions) / steps)
    assert (np.abs(drawn.mean(axis=0) - values) <= 4 * error + 1e-6).all()


def test_random_numbers_are_counted() -> None:
    """Seed, step, node and block each give other random numbers, and the same ones again."""
    values = np.tile(numbers(0, BLOCK_NUMBERS), 2)
    arguments = [(1, 2, 3, 4), (2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 2, 4), (1, 2, 3, 5)]
    codes = [int8.rounded(values, *counted)["codes"] for counted in arguments]
    assert len({drawn.tobytes() for drawn in codes}) == len(arguments)
    assert codes[0][0].tobytes() != codes[0][1].tobytes()
    assert int8.rounded(values, *arguments[0])["codes"].tobytes() == codes[0].tobytes()


def test_numbers_that_are_none() -> None:
    """NaN, infinity and sums that overflow make their block NaN and no other; zeros and the smallest numbers are 0."""
    values = np.zeros(5 * BLOCK_NUMBERS, np.float32)
    values[BLOCK_NUMBERS] = np.nan
    values[2 * BLOCK_NUMBERS + 1] = -np.inf
    values[3 * BLOCK_NUMBERS + 2] = 1e-40
    values[4 * BLOCK_NUMBERS + 3] = 3e38
    blocks = int8.rounded(values, 0, 0, 0, 0)
    twice = int8.added(blocks, blocks, 1, 0)
    for value, expected in ((blocks, [0, np.nan, np.nan, 0, 3e38]), (twice, [0, np.nan, np.nan, 0, np.nan])):
        largest = numbers_of(value, len(values)).reshape(5, -1).max(axis=1)
        np.testing.assert_allclose(largest, np.array(expected, np.float32), rtol=1e-6)


@pytest.mark.parametrize(("workers", "dedicated", "levels"), [(3, 0, 1), (2, 1, 1), (5, 0, 2)])
def test_a_quarter_of_the_bytes_travels(workers: int, dedicated: int, levels: int) -> None:
    """Over real connections all get the bits of one, in blocks of 264 bytes for 256 numbers, in chunks of so many."""
    length = 2 * CHUNK_ELEMENTS + 300
    blocks = -(-length // BLOCK_NUMBERS)
    with connected(workers, dedicated, levels=levels) as (allreduces, *_):
        check_sums(allreduces, lambda step, shard: leaf(shard, step, length), steps=2)
        received = sum(allreduce.received.bytes for allreduce in allreduces)
        messages = sum(allreduce.received.messages for allreduce in allreduces)
    if levels == 1:
        assert INT8.itemsize == 264
        assert received == 2 * (264 * blocks + 4 * 2) * (workers if dedicated else workers - 1)
        assert messages >= 2 * blocks * BLOCK_NUMBERS / CHUNK_ELEMENTS
