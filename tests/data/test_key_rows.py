"""Rows of keys: taken, cut and put together as lists of lists are."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yarnml.data.keys import KeyRows, beside, concatenate

Row = list[tuple[int, float]]

ROWS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([1.0, 0.5])), max_size=4), min_size=1, max_size=8)


def key_rows(rows: list[Row]) -> KeyRows:
    """Rows of keys of lists, with values where one is not 1."""
    entries = [entry for row in rows for entry in row]
    values = np.array([v for _, v in entries], np.float32)
    offsets = np.cumsum([0, *map(len, rows)])
    return KeyRows(offsets, np.array([k for k, _ in entries], np.uint64), None if (values == 1).all() else values)


def lists(rows: KeyRows) -> list[Row]:
    values = np.ones(len(rows.keys)) if rows.values is None else rows.values
    entries = list(zip(rows.keys.tolist(), values.tolist(), strict=True))
    return [entries[low:high] for low, high in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]


@settings(max_examples=25)
@given(ROWS, st.data())
def test_rows(rows: list[Row], data: st.DataObject) -> None:
    """Rows in another order, some of them, several parts, and more rows without keys."""
    keyed = key_rows(rows)
    order = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    low = data.draw(st.integers(0, len(rows)))
    assert lists(keyed.take(np.array(order, np.int64))) == [rows[place] for place in order]
    assert lists(keyed.slice(low, low + 3)) == rows[low : low + 3]
    assert lists(concatenate([keyed.slice(0, low), keyed.slice(low, len(rows))])) == rows
    assert lists(keyed.padded(len(rows) + 2)) == [*rows, [], []]
    assert keyed.rows.tolist() == [number for number, row in enumerate(rows) for _ in row]


@settings(max_examples=25)
@given(ROWS, ROWS)
def test_columns(left: list[Row], right: list[Row]) -> None:
    """Columns beside each other: a row has the keys of the first in front."""
    count = min(len(left), len(right))
    both = beside([key_rows(left[:count]), key_rows(right[:count])])
    assert lists(both) == [a + b for a, b in zip(left, right, strict=False)]


SINGLE = st.lists(st.tuples(st.integers(0, 9), st.just(1.0)), max_size=1)


@settings(max_examples=25)
@given(st.integers(2, 20).flatmap(lambda columns: st.lists(st.tuples(*[SINGLE] * columns), min_size=1, max_size=6)))
def test_columns_of_single_keys(rows: list[tuple[Row, ...]]) -> None:
    """Columns whose rows have a key or none: more of them than are laid beside each other at once."""
    columns = [key_rows(list(column)) for column in zip(*rows, strict=True)]
    both = beside(columns, with_fields=True)
    assert lists(both) == [[entry for cell in row for entry in cell] for row in rows]
    assert both.fields is not None
    assert both.fields.tolist() == [number for row in rows for number, cell in enumerate(row) if cell]


@settings(max_examples=25)
@given(st.lists(ROWS.map(lambda rows: rows[0]), max_size=4), st.integers(1, 3), st.data())
def test_rows_of_one_length(before: list[Row], length: int, data: st.DataObject) -> None:
    """Rows that are equally long are taken, wherever they begin; narrow ones are the same once they are wide again."""
    entries = st.lists(st.tuples(st.integers(0, 9), st.just(0.5)), min_size=length, max_size=length)
    rows = [*before, *data.draw(st.lists(entries, min_size=1, max_size=5))]
    keyed = key_rows(rows)
    keyed = keyed._replace(keys=keyed.keys << np.uint64(40), fields=keyed.keys.astype(np.uint16))
    order = data.draw(st.lists(st.integers(len(before), len(rows) - 1)))
    taken = keyed.take(np.array(order, np.int64))
    narrow = keyed.narrow().take(np.array(order, np.int64))
    assert lists(taken) == [[(k << 40, v) for k, v in rows[place]] for place in order]
    assert taken.fields is not None
    assert taken.fields.tolist() == [k for place in order for k, _ in rows[place]]
    assert narrow.keys.dtype == np.uint32
    assert lists(narrow.wide()) == lists(taken)
