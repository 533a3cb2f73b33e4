"""Columns that came later to a table, and fields that a file of JSON lacks: nulls in the rows of the other files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyiceberg.catalog import load_catalog

from tests.data.formats import save
from tests.data.tables import plan, read
from tests.preparing import step
from yarnml.data.look.survey import look
from yarnml.errors import JobFileError

OLD = pa.table({"x": [1.0, 2.0], "y": [0.5, 1.5]})
NEW = pa.table(
    {"x": [3.0, 4.0], "y": [0.5, 1.5], "z": [5.0, 6.0], "tags": [["a"], ["b", "c"]], "s": [{"q": 1.5}, {"q": 2.5}]}
)


def delta(folder: Path) -> str:
    write_deltalake(str(folder), OLD)
    write_deltalake(str(folder), NEW, mode="append", schema_mode="merge")
    return str(folder)


def iceberg(folder: Path) -> str:
    settings = {"type": "sql", "uri": f"sqlite:///{folder}.db", "warehouse": f"file://{folder}"}
    catalog = load_catalog("lake", **settings)
    catalog.create_namespace("shop")
    made = catalog.create_table("shop.grown", OLD.schema)
    made.append(OLD)
    with made.update_schema() as change:
        change.union_by_name(NEW.schema)
    made.append(NEW)
    return str(made.metadata_location)


def json(folder: Path) -> str:
    save(OLD, folder / "a.jsonl")
    save(NEW, folder / "b.jsonl")
    return str(folder)


@pytest.mark.parametrize("write", [delta, iceberg, json])
def test_columns_that_came_later(write: Callable[[Path], str], tmp_path: Path) -> None:
    """They are features, conditions, parts and elements; null in files without them, whichever file comes first."""
    url = write(tmp_path / "table")

    def rows(**fields: Any) -> list[list[float]]:
        return sorted(read(plan(url, **fields)).x.tolist())

    steps = [step("impute", "z", "s.q", value=-1)]
    numbers = [[1, -1, -1], [2, -1, -1], [3, 5, 1.5], [4, 6, 2.5]]
    assert rows(features=["x", "z", "s.q"], prepare=steps) == numbers
    assert rows(features={"all": True, "except": ["tags"]}, prepare=steps) == numbers
    texts = [step("impute", "tags[0]", value="-"), step("one_hot", "tags[0]", values=["-", "a", "b"])]
    assert rows(features=["x", "tags[0]"], prepare=texts) == [[1, 1, 0, 0], [2, 1, 0, 0], [3, 0, 1, 0], [4, 0, 0, 1]]
    assert rows(where="z > 5") == [[4]]
    assert rows(where="tags[1] is null") == [[1], [2], [3]]
    z = next(column for column in look([url], "auto", "DATA", None, None).columns if column.name == "z")
    assert (z.rows, z.nulls) == (4, 2)


def test_plain_files_are_whole(tmp_path: Path) -> None:
    """Files of other formats, which no table holds together, must all have the column: a name may be wrong."""
    for name, table in (("a", OLD), ("b", NEW)):
        save(table, tmp_path / f"{name}.parquet")
    with pytest.raises(JobFileError, match=r"a\.parquet has no column 'z'"):
        plan(str(tmp_path), features=["z"])
