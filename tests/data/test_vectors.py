"""Vectors of Spark ML as columns: stored with the types that Spark 3.5 and 4.3 write, in every format with structs."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.data.formats import save
from tests.data.tables import plan, read, with_classes
from yarnml.data.dataset import read_group
from yarnml.data.nested import with_named_parts
from yarnml.data.plan import make_plan
from yarnml.data.rows import features_of, keys_of
from yarnml.data.vectors import MAX_NUMBERS, as_lists, as_maps, is_vector
from yarnml.errors import DataError
from yarnml.job.load import load_job

VECTOR = pa.struct(
    [("type", pa.int8()), ("size", pa.int32()), ("indices", pa.list_(pa.int32())), ("values", pa.list_(pa.float64()))]
)
DENSE = [{"type": 1, "values": [float(n), 2.0, 3.0]} for n in range(4)]
MIXED: list[dict[str, Any]] = [
    {"type": 0, "size": 3, "indices": [0, 2], "values": [5.0, 6.0]},
    {"type": 1, "values": [1.0, 2.0, 3.0]},
    {"type": 0, "size": 3, "indices": [], "values": []},
    {"type": 0, "size": 3, "indices": [1], "values": [7.0]},
]
NUMBERS = [[5, 0, 6], [1, 2, 3], [0, 0, 0], [0, 7, 0]]


def table(**columns: list[Any]) -> pa.Table:
    return pa.table({name: pa.array(rows, VECTOR) for name, rows in columns.items()} | {"y": [0.5, 1.5, 0.5, 1.5]})


@pytest.mark.parametrize("ending", ["parquet", "orc", "arrow", "jsonl"])
def test_vectors_are_lists(ending: str, tmp_path: Path) -> None:
    """Dense and sparse vectors, also in one column, are features of as many numbers as they have."""
    path = save(table(v=MIXED, w=DENSE), tmp_path / f"rows.{ending}")
    data = plan(path, features=["v", "w"])
    assert read(data).x.tolist() == [[*row, n, 2, 3] for n, row in enumerate(NUMBERS)]
    assert with_classes(data).names == ["v[0]", "v[1]", "v[2]", "w[0]", "w[1]", "w[2]"]
    assert read(plan(path, features=["type:list"])).x.shape == (4, 6)
    asked = with_named_parts(table(v=MIXED, w=DENSE).slice(1), ["v", "w"])
    assert features_of(asked, with_classes(data), "the table")[:, :3].tolist() == NUMBERS[1:]


def test_nulls_and_slices() -> None:
    """A null stays one, and a slice has its own rows."""
    vectors = pa.chunked_array([pa.array([*MIXED, None], VECTOR).slice(2)])
    assert as_lists(vectors, "v").to_pylist() == [*NUMBERS[2:], None]


def test_structs_that_are_no_vectors() -> None:
    """A struct with other fields, or of other types, keeps its parts."""
    assert not is_vector(pa.struct([("type", pa.int8()), ("values", pa.list_(pa.string()))]))
    assert not is_vector(pa.struct([("type", pa.int8()), ("values", pa.list_(pa.float64())), ("zip", pa.string())]))
    assert not is_vector(pa.struct([("type", pa.string()), ("values", pa.list_(pa.float64()))]))


def test_large_vectors() -> None:
    """A vector of very many numbers, most of them 0, is refused with the way to keys."""
    large = {"type": 0, "size": MAX_NUMBERS + 1, "indices": [3], "values": [1.0]}
    with pytest.raises(DataError, match=r"Column 'v' holds vectors of 65537 numbers, more than .* kind: key"):
        as_lists(pa.chunked_array([pa.array([large], VECTOR)]), "v")


KEYED = [{0: 5, 2: 6}, {0: 1, 1: 2, 2: 3}, {}, {1: 7}]


@pytest.mark.parametrize("ending", ["parquet", "orc", "jsonl"])
def test_vectors_are_keys(ending: str, tmp_path: Path) -> None:
    """Vectors in a column of keys have a key for each number other than 0, as maps of their places have."""
    path = save(table(v=MIXED), tmp_path / f"rows.{ending}")
    data = {"train": path, "features": ["v"], "label": "y", "prepare": [{"kind": "key", "columns": ["v"]}]}
    made = make_plan(load_job({"name": "keys", "data": data, "learner": {"kind": "wide_and_deep"}}))
    maps = pa.table({"v": pa.array([list(row.items()) for row in KEYED], pa.map_(pa.int32(), pa.float64()))})
    stored = read_group(made.datasets["train"], 0, 0, made.stored["train"])
    asked = with_named_parts(table(v=MIXED), ["v"], ["v"])
    expected, *read_keys = (keys_of(rows, made.schema, "the table") for rows in (maps, stored, asked))
    assert expected
    assert expected.values is not None
    assert expected.values.tolist() == [5, 6, 1, 2, 3, 7]
    for keys in read_keys:
        assert keys
        assert all((a == b).all() for a, b in zip(keys[:3], expected[:3], strict=True) if a is not None)
    large = {"type": 0, "size": 2**30, "indices": [2**29], "values": [1.0]}
    assert as_maps(pa.chunked_array([pa.array([None, large], VECTOR)])).to_pylist() == [[], [(2**29, 1.0)]]
