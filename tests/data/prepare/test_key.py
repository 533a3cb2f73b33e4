"""Keys of columns: one for each value, however it is stored, the same on every machine."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.preparing import fnv
from yarnml.data.prepare import key
from yarnml.data.prepare.base import chain
from yarnml.data.rows import keys_of
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.prepare import Key

MASK = 2**64 - 1
STEP = Key(columns=["c"])


def mixed(number: int) -> int:
    """SplitMix64 by the book."""
    value = (number + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def key_of(value: str | int, column: str = "c") -> int:
    """The key of a value, by its definition."""
    own = fnv(value) if isinstance(value, str) else mixed(value % 2**64)
    return mixed(own ^ mixed(fnv(column)))


def rows_of(column: pa.Array, step: Key = STEP) -> list[list[int]]:
    """The keys of every row."""
    made = key.apply(step, column, "a file: column 'c'")
    return [made.keys[low:high].tolist() for low, high in zip(made.offsets[:-1], made.offsets[1:], strict=True)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None, "", "ä"]), [["a"], [], [""], ["ä"]]),
        (pa.array(["7", "07", "-3", "7.0", "-0"]), [[7], ["07"], [-3], ["7.0"], ["-0"]]),
        (pa.array([7, None, -3], pa.int8()), [[7], [], [-3]]),
        (pa.array([7.0, None, -3.0]), [[7], [], [-3]]),
        (pa.array([10**18, -(10**18), 10**18 - 1]), [[str(10**18)], [str(-(10**18))], [10**18 - 1]]),
        (pa.array([2**64 - 1], pa.uint64()), [[str(2**64 - 1)]]),
        (pa.array([True, False]), [["true"], ["false"]]),
        (pa.array([["a", "b"], [], None, ["b", None]]), [["a", "b"], [], [], ["b"]]),
        (pa.array([[1, 2], [3, 3]], pa.list_(pa.int64(), 2)), [[1, 2], [3, 3]]),
        (pa.array([["a", "b"], None, ["c"]]).slice(1), [[], ["c"]]),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0, 1]), pa.array(["a", "7"])), [[7], ["a"], [7]]),
    ],
    ids=["text", "digits", "whole", "fractions", "long", "uint64", "bool", "lists", "fixed", "slice", "dictionary"],
)
def test_values(column: pa.Array, expected: list[list[str | int]]) -> None:
    """A value's key is a hash of its text, or of its number where it is a whole one, with the column's name as salt."""
    table = pa.table({"c": column})
    made = keys_of(table, Schema((Feature("c", 0, (STEP,)),), None, "none"), "a table")
    assert made is not None
    assert made.values is None
    rows = [made.keys[low:high].tolist() for low, high in zip(made.offsets[:-1], made.offsets[1:], strict=True)]
    assert rows == [[key_of(value) for value in row] for row in expected]


def test_maps() -> None:
    """A map has a key for each of its keys, and counts it by its value."""
    kind = pa.map_(pa.string(), pa.float64())
    column = pa.array([[("a", 0.5), ("b", 2)], None, [], [("7", -1)]], kind)
    made = key.apply(STEP, column, "a file: column 'c'")
    assert made.offsets.tolist() == [0, 2, 2, 2, 3]
    assert made.keys.tolist() == [key_of("a"), key_of("b"), key_of(7)]
    assert made.values is not None
    assert made.values.tolist() == [0.5, 2.0, -1.0]
    with pytest.raises(DataError, match="holds a map with a value that is null, NaN or infinite"):
        key.apply(STEP, pa.array([[("a", None)]], kind), "a file: column 'c'")


def test_what_can_not_be_chained_or_is_nothing() -> None:
    """No step comes after one that makes keys; a column of Arrow's type null has none."""
    with pytest.raises(JobFileError, match=r"key can't follow, since column 'c' holds .* after key; remove one"):
        chain([STEP, STEP], "c", pa.string(), "a file")
    assert key.apply(STEP, pa.nulls(3), "a file: column 'c'").offsets.tolist() == [0, 0, 0, 0]


def test_fewer_bits_are_the_highest() -> None:
    """Keys of 24 bits are those of 64 without their other bits."""
    column = pa.array(["a", "b", "a"])
    few = rows_of(column, Key(columns=["c"], bits=24))
    assert few == [[k >> 40 << 40] for (k,) in rows_of(column)]


def test_columns_beside_each_other() -> None:
    """A row has the keys of all columns in their order; equal values of two have other keys, and they count by 1."""
    columns = {"c": pa.array(["a", "b"]), "d": pa.array([[("a", 2.0)], None], pa.map_(pa.string(), pa.float32()))}
    features = tuple(Feature(name, 0, (Key(columns=[name]),)) for name in columns)
    made = keys_of(pa.table(columns), Schema(features, None, "none"), "a table")
    assert made is not None
    assert made.keys.tolist() == [key_of("a"), key_of("a", "d"), key_of("b")]
    assert made.values is not None
    assert made.values.tolist() == [1.0, 2.0, 1.0]


def test_ranges_of_numbers() -> None:
    """With four ranges an octave, numbers share a key where they lie in one quarter from 2^k to 2^(k+1)."""
    step = Key(columns=["c"], buckets_per_octave=4)
    numbers = [1.0, 1.24, 1.26, 1.99, 2.0, 2.49, -1.0, 0.0, -0.0, 1e300]
    keys = [row[0] for row in rows_of(pa.array(numbers), step)]
    quarter = [(np.sign(n), np.frexp(n)[1], int(abs(np.frexp(n)[0]) * 8)) for n in numbers]
    for a, first in enumerate(keys):
        assert [first == second for second in keys] == [quarter[a] == other for other in quarter]
    assert rows_of(pa.array([1, 2, None]), step) == [[keys[0]], [keys[4]], []]


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        (pa.date32(), {}, "text, whole numbers, booleans, or lists or maps of them"),
        (pa.list_(pa.list_(pa.string())), {}, "text, whole numbers, booleans, or lists or maps of them"),
        (pa.map_(pa.string(), pa.string()), {}, "maps from text or numbers to numbers"),
        (pa.string(), {"buckets_per_octave": 4}, "numbers, as it has buckets_per_octave"),
    ],
    ids=str,
)
def test_columns_without_keys(kind: pa.DataType, fields: dict[str, Any], sentence: str) -> None:
    """A column of another type is refused with the types that there are keys for."""
    assert key.needs(Key(columns=["c"], **fields), kind) == sentence


def test_fractions_are_no_keys() -> None:
    """A number that is no whole one has no key of its own, and the way out is named."""
    with pytest.raises(DataError, match=r"holds 0\.5, which is no whole number"):
        rows_of(pa.array([1.0, 0.5]))
