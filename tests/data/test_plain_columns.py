"""Columns that are numbers as they are stored are laid into rows at once, to the bits that the common way has."""

from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from yarnml.data.formats.parquet import Footers
from yarnml.data.offsets import distances
from yarnml.data.plain_columns import CONFLICTING_ROWS, lay_plain
from yarnml.data.schema import Feature

VALUES: dict[str, Any] = {
    "double": pa.array([0.1, -1e300, 3e-320, np.inf, np.nan, 1e9 + 0.3]),
    "float": pa.array([0.1, -1e30, np.nan], pa.float32()),
    "int32": pa.array([2**31 - 1, -(2**31), 16_777_217], pa.int32()),
    "uint8": pa.array([0, 255], pa.uint8()),
}
OTHERS: dict[str, Any] = {
    "large whole numbers": pa.array([2**62 + 1]),
    "half floats": pa.array(np.array([1.5], np.float16)),
    "decimals": pa.array([1]).cast(pa.decimal128(30, 2)),
    "booleans": pa.array([True]),
    "nulls": pa.array([1.0, None]),
}


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e9])
@pytest.mark.parametrize("name", VALUES)
def test_bits(name: str, offset: float) -> None:
    """A column is rounded once, from its distance in float64."""
    column = pa.chunked_array([VALUES[name]])
    laid = np.empty((len(column), 1), np.float32)
    assert lay_plain(pa.table({"a": column}), [Feature("a", 1, (), (offset,) if offset else ())], laid)
    values = VALUES[name].to_numpy()
    with np.errstate(over="ignore"):
        expected = distances(values[:, None], np.array([offset]))[:, 0] if offset else values.astype(np.float32)
    assert (laid[:, 0].view(np.int32) == expected.view(np.int32)).all()


@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("rows", [CONFLICTING_ROWS, CONFLICTING_ROWS + 1])
def test_numbers_of_rows(rows: int, offset: float) -> None:
    """Columns that are copied by a detour, since their places conflict in the cache, have the same bits as others."""
    values = np.random.default_rng(0).normal(size=(3, rows))
    features = [Feature(name, 1, (), (offset,) if offset else ()) for name in "abc"]
    laid = np.empty((rows, 3), np.float32)
    assert lay_plain(pa.table([*values], names=[*"abc"]), features, laid)
    assert (laid == (values.T - offset).astype(np.float32)).all()


@pytest.mark.parametrize("name", OTHERS)
def test_all_others_are_left_alone(name: str) -> None:
    """Columns that take more than rounding are left to the common way, with all that are laid with them."""
    table = pa.table({"b": pa.nulls(len(OTHERS[name])).cast(pa.int8()).fill_null(1), "a": OTHERS[name]})
    laid = np.empty((len(table), 2), np.float32)
    assert not lay_plain(table, [Feature("b", 1), Feature("a", 1)], laid)
    assert not lay_plain(table, [Feature("b", 1), Feature("missing", 1)], laid)
    assert lay_plain(table, [Feature("b", 1)], laid[:, :1])


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_types_beside_each_other(offset: float) -> None:
    """Columns of different types, in several pieces, have the bits that each has by itself."""
    columns = [values.slice(0, 2) for values in VALUES.values()]
    table = pa.table([pa.chunked_array([column, column.slice(1)]) for column in columns], names=[*VALUES])
    features = [Feature(name, 1, (), (offset,) if name == "double" and offset else ()) for name in VALUES]
    laid = np.empty((3, len(features)), np.float32)
    assert lay_plain(table, features, laid)
    for place, feature in enumerate(features):
        alone = np.empty((3, 1), np.float32)
        assert lay_plain(table, [feature], alone)
        assert (laid[:, place].copy().view(np.int32) == alone[:, 0].view(np.int32)).all()


def test_footers_are_bounded() -> None:
    """A footer is parsed once for all row groups of its file; very large ones are not kept beside others."""
    sink = BytesIO()
    pq.write_table(pa.table({"a": [1.0]}), sink)
    end = sink.getvalue()
    footers = Footers(limit=2 * len(end))
    kept = footers.metadata("one", end)
    assert footers.metadata("one", end) is kept
    for name in "abcdef":
        footers.metadata(name, end)
    assert footers.metadata("one", end) is not kept
