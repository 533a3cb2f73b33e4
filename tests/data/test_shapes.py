"""Shapes: one value a row or lists of one length, for every kind of column, in every file and in a prediction."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tables import plan, read, write_parquet
from yarnml.data.rows import features_of, rows_of
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError
from yarnml.job.prepare import Impute, OneHot

FEATURES = {
    "number": Feature("x", 1),
    "list": Feature("x", 3),
    "imputed": Feature("x", 1, (Impute(columns=["x"], value=0),)),
    "prepared": Feature("x", 2, (OneHot(columns=["x"], values=[1, 2]),)),
}
NUMBERS = [1, 2, 1]
LISTS = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
NESTED = [[[1, 2, 3]]] * 3
STRUCTS = [{"a": 1}] * 3


def schema_of(feature: Feature, **fields: Any) -> Schema:
    return Schema((feature,), None, "none", **fields)


@pytest.mark.parametrize(
    ("feature", "column", "words"),
    [
        ("list", NUMBERS, r"column 'x' needs a list of 3 numbers in every row, but holds int64; put the numbers of a"),
        ("list", [[1, 2]] * 3, r"column 'x' needs lists of 3 numbers, found one of 2"),
        ("list", [[1, 2, 3], [1, 2, 3], []], r"column 'x' needs lists of 3 numbers, found one of 0"),
        ("list", [[1, 2, 3], None, [1, 2, 3]], r"column 'x' has 1 nulls; fill them or drop these rows"),
        ("list", [[1, 2, None]] * 3, r"the lists of column 'x' hold 3 nulls"),
        ("list", [[[1], [2], [3]]] * 3, r"column 'x' holds list<.*list<.*lists within lists"),
        ("list", [["a", "b", "c"]] * 3, r"column 'x' must hold numbers, not string"),
        ("list", STRUCTS, r"column 'x' holds struct<.*, but one value is needed"),
        ("number", LISTS, r"column 'x' needs a number, or a list of one, in every row, found one of 3"),
        ("number", [[1], [2], []], r"column 'x' needs a number, or a list of one, in every row, found one of 0"),
        ("number", NESTED, r"lists within lists"),
        ("number", STRUCTS, r"column 'x' holds struct<.*, but one value is needed in every row"),
        ("number", ["a"] * 3, r"column 'x' must hold numbers, not string"),
        ("imputed", LISTS, r"column 'x' holds list<.*, but one value is needed in every row"),
        ("imputed", [[1], None, [2]], r"column 'x' holds list<.*, but one value is needed in every row"),
        ("prepared", LISTS, r"column 'x' holds list<.*, but one value is needed in every row"),
        ("prepared", STRUCTS, r"column 'x' holds struct<.*, but one value is needed in every row"),
    ],
)
def test_refused_features(feature: str, column: Any, words: str) -> None:
    """A feature of another shape than in training is refused with its name, whatever becomes of it."""
    with pytest.raises(DataError, match=r"the table: .*" + words):
        features_of(pa.table({"x": column}), schema_of(FEATURES[feature]), "the table")


@pytest.mark.parametrize("name", ["y", "w"])
@pytest.mark.parametrize("column", [[[1], [2], [1]], NESTED, STRUCTS], ids=["lists", "nested", "structs"])
@pytest.mark.parametrize("label_type", ["class", "number"])
def test_refused_labels_and_weights(label_type: Any, name: str, column: Any) -> None:
    """Labels and weights are single values, too."""
    columns = {"x": NUMBERS, "y": NUMBERS, "w": NUMBERS, name: column}
    schema = Schema((Feature("x", 1),), "y", label_type, (1, 2) if label_type == "class" else (), "w")
    with pytest.raises(DataError, match=rf"the file: column '{name}' holds .*, but one value is needed in every row"):
        rows_of(pa.table(columns), schema, "the file")


@pytest.mark.parametrize("later", ["file", "row group"])
@pytest.mark.parametrize(("first", "other"), [(LISTS, NUMBERS), (NUMBERS, LISTS)], ids=["a number", "a list"])
def test_files_that_differ(tmp_path: Path, first: Any, other: Any, later: str) -> None:
    """A later file, or a later group of lists, of another shape than the first is refused, never stretched to fit."""
    write_parquet(f"{tmp_path}/in/1.parquet", {"x": first, "y": [0.5] * 3})
    if later == "file":
        write_parquet(f"{tmp_path}/in/2.parquet", {"x": other, "y": [0.5] * 3})
    else:
        write_parquet(f"{tmp_path}/in/1.parquet", {"x": [*LISTS, [1, 2]], "y": [0.5] * 4}, 3)
    with pytest.raises(DataError, match=r"[Cc]olumn 'x'"):
        read(plan(f"{tmp_path}/in"))


VALUES = st.integers(-5, 5)
SHAPES = st.one_of(
    st.lists(VALUES, min_size=1, max_size=6),
    st.lists(st.one_of(st.none(), st.lists(st.one_of(st.none(), VALUES), max_size=3)), min_size=1, max_size=6),
    st.lists(st.lists(st.lists(VALUES, max_size=3), max_size=3), min_size=1, max_size=6),
)


@given(column=SHAPES, width=st.integers(1, 3), fixed=st.booleans())
def test_rows_have_the_shape_of_the_table(column: list[Any], width: int, fixed: bool) -> None:
    """Whatever a column holds, a row gets its own numbers, or there is a sentence."""
    array = pa.array(column)
    if fixed and isinstance(column[0], list) and all(isinstance(v, int) for row in column for v in row or [None]):
        same = len({len(row) for row in column}) == 1
        array = array.cast(pa.list_(pa.int64(), len(column[0]))) if same else array
    own = [row if isinstance(row, list) else [row] for row in column]
    fits = all(len(row) == width and all(isinstance(value, int) for value in row) for row in own)
    table = pa.table({"x": array})
    if fits:
        x = features_of(table, schema_of(Feature("x", width)), "the table")
        assert np.array_equal(x, np.array(own, np.float32))
        return
    with pytest.raises(DataError, match="column 'x'"):
        features_of(table, schema_of(Feature("x", width)), "the table")


def test_lists_of_one_number_are_numbers() -> None:
    """A list of one number and the number are the same to a feature of one number."""
    for column in (NUMBERS, [[v] for v in NUMBERS], pa.array([[v] for v in NUMBERS], pa.list_(pa.int8(), 1))):
        x = features_of(pa.table({"x": column}), schema_of(FEATURES["number"]), "the table")
        assert x.tolist() == [[1], [2], [1]]


def test_columns_there_twice() -> None:
    """A table with two columns of a name that is needed is refused; of another name they do not matter."""
    table = pa.Table.from_arrays([pa.array(NUMBERS)] * 3, ["x", "z", "z"])
    assert len(features_of(table, schema_of(FEATURES["number"]), "the table")) == 3
    with pytest.raises(DataError, match=r"the table has more than one column 'x'"):
        features_of(table.rename_columns(["x", "z", "x"]), schema_of(FEATURES["number"]), "the table")


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "encoded"])
def test_text_of_any_type(kind: pa.DataType, encoded: bool) -> None:
    """Text is text in every type of Arrow, as other libraries hand it over, in several chunks, with nulls."""
    chunks = [pa.array(["a", None, "b"]).cast(kind), pa.array(["b"]).cast(kind)]
    if encoded and not pa.types.is_dictionary(kind):
        places = ([0, None, 1], [1])
        chunks = [pa.DictionaryArray.from_arrays(numbers, pa.array(["a", "b"]).cast(kind)) for numbers in places]
    steps = (Impute(columns=["x"], value="b"), OneHot(columns=["x"], values=["a", "b"]))
    x = features_of(pa.table({"x": pa.chunked_array(chunks)}), schema_of(Feature("x", 2, steps)), "the table")
    assert x.tolist() == [[1, 0], [0, 1], [0, 1], [0, 1]]
