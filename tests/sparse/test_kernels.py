"""Kernels over keys: NumPy's and numba's against a plain definition, with the same bits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yarnml.data.arrays import Array
from yarnml.data.prepare.hashing import mixed
from yarnml.sparse.index import KeyIndex, ascending, distinct
from yarnml.sparse.kernels import NUMPY, Kernels, kernels
from yarnml.sparse.run import Run, merge

BOTH = [pytest.param(NUMPY, id="numpy"), pytest.param(kernels(), id="numba")]

SHIFT_OF_128 = np.uint64(64 - 7)
"""For 128 slots, or buckets."""


def keys_of(numbers: list[int], shift: int | str) -> Array:
    """Keys whose highest bits, or lowest ones, tell them apart; or narrow ones."""
    if isinstance(shift, str):
        return np.array(numbers, np.uint32)
    return np.array(numbers, np.uint64) << np.uint64(shift)


@pytest.mark.parametrize("kernel", BOTH)
@settings(max_examples=25)
@given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)), st.sampled_from([0, 40, "narrow"]))
def test_number_and_find(kernel: Kernels, first: list[int], second: list[int], shift: int | str) -> None:
    """Keys get numbers in the order in which they first come, and are found under them; unknown are not found."""
    slots = np.full(128, -1, np.int32)
    by_number = np.empty(128, np.uint32 if shift == "narrow" else np.uint64)
    known: dict[int, int] = {}
    for given_keys in (first, second):
        before = len(known)
        for key in given_keys:
            known.setdefault(key, len(known))
        keys = keys_of(given_keys, shift)
        numbers = np.empty(len(keys), np.int32)
        progress = np.array([0, before])
        kernel.number(keys, SHIFT_OF_128, progress, slots, by_number, numbers)
        assert progress.tolist() == [len(keys), len(known)]
        assert numbers.tolist() == [known[key] for key in given_keys]
        assert by_number[: len(known)].tolist() == keys_of(list(known), shift).tolist()
    placed = np.full(128, -1, np.int32)
    kernel.place(by_number[: len(known)], SHIFT_OF_128, placed)
    asked = keys_of(list(range(50)), shift)
    numbers = np.empty(50, np.int32)
    for table in (slots, placed):
        kernel.first(asked, SHIFT_OF_128, table, numbers)
        assert all(by_number[own] in asked for own in numbers[numbers >= 0])
        kernel.find(asked, SHIFT_OF_128, table, by_number, numbers)
        assert numbers.tolist() == [known.get(key, -1) for key in range(50)]


@pytest.mark.parametrize("kernel", BOTH)
def test_no_more_than_half_full(kernel: Kernels) -> None:
    """A table of 16 slots takes 8 keys, and stops before a ninth."""
    for count in (8, 9):
        keys = keys_of(list(range(count)), 60)
        progress = np.zeros(2, np.int64)
        arrays = np.full(16, -1, np.int32), np.empty(count, np.uint64), np.empty(count, np.int32)
        kernel.number(keys, np.uint64(60), progress, *arrays)
        assert (progress[0] == count) == (count == 8)
        assert progress[1] <= 8


@pytest.mark.parametrize("kernel", BOTH)
@settings(max_examples=25)
@given(st.lists(st.integers(0, 2**64 - 1), unique=True), st.sampled_from([0, 3, 60]))
def test_order(kernel: Kernels, numbers: list[int], shift: int) -> None:
    """Different keys are put in ascending order, also where their highest bits are all 0."""
    keys = np.unique(np.array(numbers, np.uint64) >> np.uint64(shift))[::-1].copy()
    order = np.empty(len(keys), np.int64)
    assert kernel.order(keys, SHIFT_OF_128, np.empty(129, np.int64), order)
    assert np.array_equal(keys[order], np.sort(keys))


def test_order_of_keys_that_share_their_highest_bits() -> None:
    """Keys that buckets do not tell apart are sorted another way."""
    for keys in (np.arange(1000, dtype=np.uint64)[::-1].copy(), np.empty(0, np.uint64), np.array([7], np.uint64)):
        assert np.array_equal(keys[ascending(keys)], np.sort(keys))


NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)  # inf - inf is a NaN of any sign
RUNS = st.dictionaries(st.integers(0, 30), st.tuples(NUMBERS, st.just(-0.0)), max_size=20)


@pytest.mark.parametrize("kernel", BOTH)
@settings(max_examples=25)
@given(RUNS, RUNS)
def test_merge(kernel: Kernels, left: dict[int, tuple[float, ...]], right: dict[int, tuple[float, ...]]) -> None:
    """A key of both runs gets left + right; a key of one keeps its bits, those of -0.0 too."""
    arguments = []
    for run in (left, right):
        ordered = sorted(run.items())
        arguments += [
            keys_of([k for k, _ in ordered], 59),
            np.array([v for _, v in ordered], np.float32).reshape(-1, 2),
        ]
    keys = np.empty(len(left) + len(right), np.uint64)
    values = np.empty((len(keys), 2), np.float32)
    with np.errstate(over="ignore"):
        count = kernel.merge(*arguments, keys, values)
        expected = {k: np.array(v, np.float32) for k, v in left.items()}
        for key, sums in right.items():
            expected[key] = (
                expected[key] + np.array(sums, np.float32) if key in expected else np.array(sums, np.float32)
            )
    assert keys[:count].tolist() == keys_of(sorted(expected), 59).tolist()
    assert values[:count].tobytes() == b"".join(expected[key].tobytes() for key in sorted(expected))


@pytest.mark.parametrize("kernel", BOTH)
@settings(max_examples=25)
@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_in_both(kernel: Kernels, left: set[int], right: set[int]) -> None:
    """The keys at the places that are found are those of both, in ascending order."""
    keys = [keys_of(sorted(numbers), 59) for numbers in (left, right)]
    places = np.full((2, min(len(left), len(right))), -1, np.int32)
    count = kernel.in_both(*keys, *places)
    for own, shared in zip(keys, places, strict=True):
        assert own[shared[:count]].tolist() == keys_of(sorted(left & right), 59).tolist()


def test_an_index_grows() -> None:
    """Ten thousand keys in parts, more than a new table has room for, keep their numbers."""
    keys = np.random.default_rng(0).permutation(20_000).astype(np.uint64) << np.uint64(44)
    index = KeyIndex()
    for low in range(0, 10_000, 1500):
        index.number(keys[low : min(low + 2000, 10_000)])
    assert np.array_equal(index.keys, keys[:10_000])
    assert np.array_equal(index.find(keys), np.where(np.arange(20_000) < 10_000, np.arange(20_000), -1))


@pytest.mark.parametrize("bits", [12, 13, 14, 64])
def test_keys_of_few_bits(bits: int) -> None:
    """Keys that have slots of their own are found by these alone, but not where one has more bits than the unknown."""
    numbers = np.random.default_rng(bits).permutation(2**12).astype(np.uint64)
    keys = numbers[:1500] << np.uint64(64 - bits) if bits < 64 else mixed(numbers[:1500])
    index = KeyIndex()
    assert index.number(keys).tolist() == list(range(1500))
    unknown = np.concatenate([numbers[1500:] << np.uint64(64 - bits), keys[:10] ^ np.uint64(1)])
    assert set(index.find(unknown).tolist()) == {-1}
    assert index.find(keys[:20]).tolist() == list(range(20))
    assert index.number(np.append(keys[5:8], np.uint64(1))).tolist() == [5, 6, 7, 1500]
    assert index.find(keys).tolist() == list(range(1500))
    assert index.find(np.array([1, 3], np.uint64)).tolist() == [1500, -1]


def test_an_index_is_asked_again() -> None:
    """Keys that were asked for before get the numbers that they have now, also after unknown were taken away."""
    keys = np.arange(1, 41, dtype=np.uint64) << np.uint64(50)
    index = KeyIndex()
    index.number(keys[10:20])
    assert index.find(keys)[10:20].tolist() == list(range(10))
    assert index.number(keys[:20]).tolist() == [*range(10, 20), *range(10)]
    assert index.find(keys[:20]).tolist() == index.number(keys[:20]).tolist()
    index.find(keys)
    assert index.number(keys).tolist() == [*range(10, 20), *range(10), *range(20, 40)]
    assert index.number(keys).tolist() == index.find(keys).tolist()
    index.find(keys)
    index.keep(np.arange(40) >= 10)
    assert index.number(keys).tolist() == [*range(10), *range(30, 40), *range(10, 30)]
    index.find(keys)
    index.cut(10)
    assert index.number(keys[::-1].copy()).tolist() == [*range(10, 40), *range(9, -1, -1)]


@pytest.mark.parametrize("narrow", [False, True])
def test_distinct(narrow: bool) -> None:
    """Different keys and their places are those that np.unique finds; narrow ones come back whole."""
    keys = np.random.default_rng(0).integers(0, 3000, 50_000).astype(np.uint64) << np.uint64(32 if narrow else 0)
    different = distinct((keys >> np.uint64(32)).astype(np.uint32) if narrow else keys)
    expected, inverse = np.unique(keys, return_inverse=True)
    assert np.array_equal(different.keys, expected)
    assert np.array_equal(different.places, inverse)
    assert np.array_equal(different.keys, keys[[np.flatnonzero(different.numbers == n)[0] for n in different.order]])


def test_parts_of_a_run() -> None:
    """A run that is cut at any keys is the sum of its parts."""
    keys = np.sort(np.random.default_rng(0).integers(0, 2**64, 100, np.uint64))
    run = Run(keys, np.arange(200, dtype=np.float32).reshape(100, 2))
    bounds = [0, int(keys[0]), int(keys[50]), int(keys[50]) + 1, 2**64]
    parts = [run.between(low, high) for low, high in pairwise(bounds)]
    assert [len(part.keys) for part in parts] == [0, 50, 1, 49]
    whole = merge(merge(parts[3], parts[1]), merge(parts[0], parts[2]))
    assert all(np.array_equal(a, b) for a, b in zip(whole, run, strict=True))


@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_ftrl(l1: float) -> None:
    """Rows of FTRL have the same bits by NumPy and by numba, also where z is a zero of either sign or just l1."""
    random = np.random.default_rng(0)
    rows = np.abs(random.normal(size=(400, 6))).astype(np.float32)
    rows[:, :3] = random.choice(np.array([0.0, -0.0, 0.5, -0.5, np.nan, np.inf, 1.3, -2.7], np.float32), (400, 3))
    rows[:200, :3] = random.normal(size=(200, 3))
    rows[300:, 3:] = 0
    sums = random.choice(np.array([0.0, -0.0, 0.5, -0.3, 1e-20], np.float32), (400, 3))
    numbers = (np.float32(0.1), np.float32(1.0), np.float32(l1), np.float32(0.2))
    made = []
    with np.errstate(invalid="ignore"):
        for kernel in (NUMPY, kernels()):
            weights = np.empty_like(sums)
            following = np.empty_like(rows)
            kernel.ftrl_weights(rows, *numbers, weights)
            kernel.ftrl_update(rows, sums, *numbers, following)
            made.append((weights, following))
    for by_numpy, by_numba in zip(*made, strict=True):
        is_number = ~np.isnan(by_numpy)
        assert np.array_equal(is_number, ~np.isnan(by_numba))
        assert by_numpy[is_number].tobytes() == by_numba[is_number].tobytes()


@pytest.mark.parametrize("has_values", [False, True])
def test_sums_of_rows_and_keys(has_values: bool) -> None:
    """Sums by row and by key add up entries in their order, with the same bits by NumPy and by numba."""
    random = np.random.default_rng(0)
    offsets = np.append(0, np.cumsum(random.integers(0, 60, 300)))
    place = random.integers(0, 40, offsets[-1]).astype(np.int32)
    values = random.normal(size=len(place) if has_values else 0).astype(np.float32)
    weights = random.normal(size=40).astype(np.float32)
    slopes = random.normal(size=300).astype(np.float32)
    by_row = np.zeros(300, np.float32)
    by_key = np.zeros(40, np.float32)
    for row, (low, high) in enumerate(pairwise(offsets)):
        for entry in range(low, high):
            value = values[entry] if has_values else np.float32(1)
            by_row[row] += weights[place[entry]] * value
            by_key[place[entry]] += slopes[row] * value
    for kernel in (NUMPY, kernels()):
        sums = np.full(300, np.nan, np.float32)
        kernel.row_sums(place, offsets, values, weights, sums)
        assert sums.tobytes() == by_row.tobytes()
        sums = np.zeros(40, np.float32)
        kernel.key_sums(place, offsets, values, slopes, sums)
        assert sums.tobytes() == by_key.tobytes()


@pytest.mark.parametrize("kernel", BOTH)
def test_put(kernel: Kernels) -> None:
    """Rows come in the place of those of their numbers."""
    rows = np.zeros((5, 2), np.float32)
    kernel.put(rows, np.array([3, 0], np.int32), np.array([[1, 2], [3, 4]], np.float32))
    assert rows.tolist() == [[3, 4], [0, 0], [0, 0], [1, 2], [0, 0]]
