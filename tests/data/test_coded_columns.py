"""Columns of text that are read as dictionaries: the keys of the same rows as texts, however a file has them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.formats import save
from yarnml.data.coded_columns import coded_array, coded_names, with_coded
from yarnml.data.dataset import inspect, read_group
from yarnml.data.rows import keys_of
from yarnml.data.schema import Feature, Schema
from yarnml.job.prepare import Key

GROUP_ROWS = 400
ROWS = 2 * GROUP_ROWS
NUMBERS = np.random.default_rng(0).zipf(1.3, ROWS) % 500
TEXTS = [None if n == 3 else "" if n == 4 else str(n) if n % 2 else f"a text {n}" for n in NUMBERS.tolist()]
TABLE = pa.table({"text": TEXTS, "large": pa.array(TEXTS, pa.large_string()), "number": NUMBERS})
SCHEMA = Schema(tuple(Feature(name, 0, (Key(columns=[name]),)) for name in TABLE.column_names), None, "none")


def check_keys(path: str, groups: int) -> pa.Table:
    """Compare the keys of all rows of a file with those of `TABLE`; returns its last group."""
    dataset, columns = inspect(path, "auto", "data.train")
    asked = with_coded(columns, TABLE.column_names)
    for group in range(groups):
        table = read_group(dataset, 0, group, asked)
        keys = keys_of(table, SCHEMA, path)
        expected = keys_of(TABLE.slice(group * table.num_rows, table.num_rows), SCHEMA, "a table")
        assert keys is not None
        assert expected is not None
        assert keys.offsets.tolist() == expected.offsets.tolist()
        assert keys.keys.tolist() == expected.keys.tolist()
    return table


@pytest.mark.parametrize(
    "options",
    [{}, {"dictionary_pagesize_limit": 500, "data_page_size": 500, "write_batch_size": 50}, {"use_dictionary": False}],
    ids=["dictionaries", "dictionaries that end", "none"],
)
def test_parquet(options: dict[str, Any], tmp_path: Path) -> None:
    """Text is read as a dictionary, with the keys of the texts, whatever of it the file has as one."""
    path = f"{tmp_path}/rows.parquet"
    pq.write_table(TABLE, path, row_group_size=GROUP_ROWS, **options)
    table = check_keys(path, 2)
    is_coded = [pa.types.is_dictionary(kind) for kind in table.schema.types]
    assert is_coded == [True, True, False]


@pytest.mark.parametrize("ending", ["csv", "orc", "avro"])
def test_other_formats(ending: str, tmp_path: Path) -> None:
    """A format without dictionaries gives texts, with the same keys."""
    table = TABLE.set_column(0, "text", TABLE["text"].fill_null("")) if ending == "csv" else TABLE
    path = save(table.select(["text"]), tmp_path / f"rows.{ending}")
    dataset, columns = inspect(path, "auto", "data.train")
    read = read_group(dataset, 0, 0, with_coded(columns, ["text"]))
    schema = Schema(SCHEMA.features[:1], None, "none")
    keys, expected = (keys_of(t, schema, path) for t in (read, read.cast(columns)))
    assert keys is not None
    assert expected is not None
    assert keys.keys.tolist() == expected.keys.tolist()


def test_what_is_asked_for() -> None:
    """Columns of text alone are asked for, by name."""
    assert coded_names(with_coded(TABLE.schema, ["large", "number"])) == ["large"]


SHORT = pa.array(["a", "b"])


@pytest.mark.parametrize(
    ("column", "is_kept"),
    [
        (pa.chunked_array([pa.DictionaryArray.from_arrays([1, 0, None], SHORT)]), True),
        (pa.chunked_array([pa.DictionaryArray.from_arrays([1], SHORT)]), False),
        (pa.chunked_array([pa.DictionaryArray.from_arrays([1, 0], pa.array(["a", None]))]), False),
        (pa.chunked_array([pa.DictionaryArray.from_arrays([1, 0], pa.array([7, 8]))]), False),
        (pa.chunked_array(2 * [pa.DictionaryArray.from_arrays([1, 0], SHORT)]), False),
        (pa.chunked_array([SHORT]), False),
    ],
    ids=["dictionary", "more texts than rows", "null among its texts", "numbers", "two chunks", "texts"],
)
def test_dictionaries(column: pa.ChunkedArray, is_kept: bool) -> None:
    """A dictionary of texts stays one where that is shorter; all else becomes an array of its values."""
    array = coded_array(column)
    assert pa.types.is_dictionary(array.type) == is_kept
    assert array.to_pylist() == column.to_pylist()
