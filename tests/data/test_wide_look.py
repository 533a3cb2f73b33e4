"""A look at very many columns: each has less room."""

import msgspec
import pyarrow as pa
import pytest

from yarnml.data.look import facts
from yarnml.data.look.counts import ColumnCounter, limits_of
from yarnml.data.look.table import cells


@pytest.mark.parametrize(
    ("columns", "limits"), [(1, (10_000, 16_384)), (200, (10_000, 16_384)), (5000, (419, 1024)), (10**6, (200, 1024))]
)
def test_limits(columns: int, limits: tuple[int, int]) -> None:
    """Many columns have less room each, so that those of one look have about as much together."""
    assert limits_of(columns) == limits


def test_many_columns() -> None:
    """A column among many says up to what it was counted, is no key for that, and keeps no value that is too much."""
    limits = limits_of(5000)
    for array in (pa.array(range(2000)), pa.array([f"k{n}" for n in range(2000)])):
        field = pa.field("id", array.type)
        counter = ColumnCounter(field, False, limits)
        for start in (0, 1000):
            counter.add(pa.chunked_array([array[start : start + 1000]]))
        seen = facts.facts_of(field, False, counter.counts, limits)
        assert (seen.distinct, seen.top, seen.is_unique, cells(seen)[3]) == (None, [], False, "> 419")
        assert len(msgspec.msgpack.encode(counter.counts)) < 16 * 1024 + 200
    few = ColumnCounter(pa.field("id", pa.string()), True, limits)
    few.add(pa.chunked_array([pa.array([f"k{n}" for n in range(2000)])]))
    assert facts.facts_of(pa.field("id", pa.string()), True, few.counts, limits).content == "text"
