"""Offsets: what rows are counted from, to the digit, and the variances that are fitted to what is left."""

from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.data.tables import Write, loader_of, parquet, plan, read, with_classes, write_csv, write_parquet
from yarnml.data.offsets import distances
from yarnml.data.plan import Plan
from yarnml.data.scaling import Scaling, is_cancelled, mean_of, moments, standard
from yarnml.data.schema import Feature, Schema


def fit(data: Plan, shards: int = 3) -> Scaling:
    """The scaling, as workers fit it."""

    def total(function: Any) -> Any:
        return sum(function(rows) for s in range(shards) for rows in loader_of(data, shards).scan(s))

    first = total(moments)
    if not is_cancelled(first):
        return standard(first, data.schema)
    centre = mean_of(first)
    return standard(total(partial(moments, centre=centre)), data.schema, centre)


@given(
    values=st.one_of(
        arrays.arrays(np.int64, 8, elements=st.integers(-(2**63), 2**63 - 1)),
        arrays.arrays(np.uint64, 8, elements=st.integers(2**64 - 2**54, 2**64 - 1)),
        arrays.arrays(np.int64, 8, elements=st.integers(2**60, 2**60 + 1000)),
        arrays.arrays(np.int32, 8),
        arrays.arrays(np.float64, 8, elements=st.floats(-1e18, 1e18)),
    ),
    place=st.integers(0, 7),
)
def test_distances_are_rounded_once(values: Any, place: int) -> None:
    """A distance is what the difference of the exact numbers is in float32, of every type, however large."""
    offset = float(values[place])
    if values.dtype.kind == "f":
        exact = [float(value) - offset for value in values]
    else:
        exact = [float(int(value) - int(offset)) for value in values]
    rounded = distances(values[:, None], np.array([offset]))[:, 0]
    largest = np.abs(values.astype(np.float64)).max()
    slack = 1e-45 if np.abs(exact).max() < 2**53 else largest * 2.0**-51  # float32 ends at 1e-45
    np.testing.assert_allclose(rounded, np.array(exact), rtol=2.0**-23, atol=slack)


@pytest.mark.parametrize("write", ["parquet", "csv"])
def test_offsets_are_medians_of_the_first_rows(tmp_path: Path, write: str) -> None:
    """Offsets are values of the data, of the rows that have a weight, for each number of a list; ids have none."""
    columns: dict[str, Any] = {
        "a": [1_764_000_007, 1_764_000_005, 1_764_000_006],
        "y": [0.5] * 3,
        "w": [1, 1, 0],
        "c": [5, 5, 7],
    }
    step = {"kind": "one_hot", "columns": ["c"]}
    fields: dict[str, Any] = {"weight": "w", "scale": "standard", "prepare": [step]}
    if write == "csv":
        data = plan(write_csv(f"{tmp_path}/rows.csv", columns), features=["a", "c"], **fields)
    else:
        lists = [[10.0**9, 5.0], [10.0**9 + 2, 6.0], [0.0, 7.0]]
        data = plan(parquet(tmp_path, x=lists, **columns), features=["a", "c", "x"], **fields)
        assert data.schema.features[2].offsets == (1e9, 5.0)
    assert data.schema.features[0].offsets == (1_764_000_005.0,)
    assert data.schema.features[1].offsets == ()
    assert read(data).x[:, 0].tolist() == [2, 0]


def test_nothing_is_counted_from_offsets_without_scaling(tmp_path: Path) -> None:
    """Without data.scale rows are as they always were."""
    data = plan(parquet(tmp_path, x=[1.0, 2.0, 4.0], y=[0.5] * 3))
    assert data.schema.features[0].offsets == ()
    assert read(data).x[:, 0].tolist() == [1, 2, 4]


CASES = {
    "seconds": 1_764_000_000 + np.arange(600) * 6,
    "days": 20_260_101 + np.arange(600) % 31,
    "one tick": 2.0**24 + (np.arange(600) == 599),
    "outlier first": np.where(np.arange(600) == 0, 0.0, 1_764_000_000 + np.arange(600)),
    "tiny": 1e-30 * (1 + np.arange(600) % 7),
}


@pytest.mark.parametrize("column", CASES.values(), ids=CASES)
def test_no_column_that_varies_is_lost(tmp_path: Path, column: Any) -> None:
    """The deviation of every column that float64 tells from a constant one is found, however small beside the mean."""
    scaling = fit(plan(parquet(tmp_path, x=column, y=np.arange(600) / 2), scale="standard"))
    np.testing.assert_allclose(scaling.factor, 1 / (column - column[300]).std(), rtol=1e-5)


@pytest.mark.long
def test_moments_are_taken_again_where_they_cancel(tmp_path: Path) -> None:
    """A deviation is found, and a constant is one to the last bit, far from the offset too."""
    x = 1e6 + np.arange(900) % 2 / 16
    x[450:] = 0.0
    columns = {"x": x, "c": np.where(x > 0, 1e6 / 3, 0.0), "y": np.arange(900) % 2, "w": (x > 0).astype(float)}
    data = plan(parquet(tmp_path, **columns), features=["x", "c"], weight="w", label_type="number")
    assert is_cancelled(sum(moments(rows) for rows in loader_of(data, 1).scan(0)))
    assert fit(data).factor.tolist() == [32.0, 0.0]


@pytest.mark.parametrize("value", [7.1, 1_764_000_000, 1e30, 1e-40, 0.0])
@pytest.mark.parametrize("scale", ["none", "standard"])
def test_constants(tmp_path: Path, value: float, scale: str) -> None:
    """A column of one value becomes 0, whatever its size, counted from an offset or not."""
    data = plan(parquet(tmp_path, x=[value] * 301, y=[0.5] * 301), scale=scale)
    assert fit(data).factor.tolist() == [0.0]


def test_stored_schemas(tmp_path: Path) -> None:
    """Offsets keep their bits in a stored schema; one that was stored without them counts from 0."""
    schema = Schema((Feature("x", 1, (), (0.1 + 0.2,)),), "y", "number", ())
    assert msgspec.json.decode(msgspec.json.encode(schema), type=Schema) == schema
    old = b'{"features": [["x", 1, []]], "label": "y", "label_type": "number", "classes": []}'
    assert msgspec.json.decode(old, type=Schema).features == (Feature("x", 1),)


def test_missing_numbers_stay_missing(tmp_path: Path) -> None:
    """Nulls among large whole numbers become NaN, or what fills them, beside exact distances."""
    large = [2**52 + 1, None, 2**52 + 3, 2**52 + 2]
    table = pa.table({"x": pa.array(large, pa.int64()), "y": [0.5] * 4})
    data = plan(parquet(tmp_path, x=table["x"], y=table["y"]), scale="standard")
    bearing = msgspec.structs.replace(data, schema=msgspec.structs.replace(data.schema, missing=True))
    assert with_classes(bearing).features[0].offsets == (2.0**52 + 1,)
    assert np.array_equal(read(bearing).x[:, 0], [0, np.nan, 2, 1], equal_nan=True)


def test_labels_have_a_centre(tmp_path: Path) -> None:
    """The centre of a number label is one of the training data, nulls aside; other labels have none."""
    path = parquet(tmp_path, x=[1.0, 2.0, 3.0], y=[1e9 + 64, None, 1e9])
    assert plan(path).schema.centre == 1e9
    assert plan(parquet(tmp_path, x=[1.0, 2.0], y=[5, 6])).schema.centre == 0.0


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_categories_alone(tmp_path: Path, write: Write) -> None:
    """A table whose features are categories has no rows to take offsets from, of whatever format."""
    format = "csv" if write is write_csv else "parquet"
    path = write(f"{tmp_path}/rows.{format}", {"x": ["01", "1", "2"], "y": [0, 1, 0]})
    step = {"kind": "category", "columns": ["x"]}
    assert plan(path, prepare=[step], scale="standard").schema.features[0].offsets == ()
