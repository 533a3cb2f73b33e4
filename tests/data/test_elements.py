"""Elements of lists and of maps by name, in every format that has such."""

from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from tests.data.formats import save
from tests.data.tables import plan, read, with_classes
from tests.preparing import step
from yarnml.data.elements import find_path, name_of, picked
from yarnml.data.nested import with_named_parts
from yarnml.errors import JobFileError

ROWS: list[dict[str, Any]] = [
    {"y": 0.5, "tags": ["b", "a"], "sky": [("blue", 3), ("a.b", 5)], "orders": [{"price": 2.0, "of": ["p"]}]},
    {"y": 1.5, "tags": ["a"], "sky": [("red", 1)], "orders": []},
    {"y": 2.5, "tags": None, "sky": None, "orders": None},
    {"y": 3.5, "tags": ["a", None, "c"], "sky": [("blue", None)], "orders": [{"price": 4.0, "of": ["q", "r"]}] * 2},
]
ORDER = pa.struct([("price", pa.float64()), ("of", pa.list_(pa.string()))])
TYPES = {
    "y": pa.float64(),
    "tags": pa.list_(pa.string()),
    "sky": pa.map_(pa.string(), pa.int64()),
    "orders": pa.list_(ORDER),
}
TABLE = pa.Table.from_pylist(ROWS, schema=pa.schema(TYPES))


def write(ending: str, folder: Path) -> str:
    path = folder / f"rows.{ending}"
    if ending == "jsonl":  # objects have fields, and no keys
        return save(pa.Table.from_pylist([{**row, "sky": dict(row["sky"] or {}) or None} for row in ROWS]), path)
    if ending != "avro":
        return save(TABLE, path)
    of = {"type": "array", "items": "string"}
    order = {"type": "record", "name": "o", "fields": [{"name": "price", "type": "double"}, {"name": "of", "type": of}]}
    types = {
        "y": "double",
        "tags": ["null", {"type": "array", "items": ["null", "string"]}],
        "sky": ["null", {"type": "map", "values": ["null", "long"]}],
        "orders": ["null", {"type": "array", "items": order}],
    }
    schema = {"type": "record", "name": "r", "fields": [{"name": n, "type": t} for n, t in types.items()]}
    with open(path, "wb") as file:
        fastavro.writer(file, schema, [{**row, "sky": dict(row["sky"]) if row["sky"] else None} for row in ROWS])
    return str(path)


@pytest.mark.parametrize("ending", ["parquet", "orc", "arrow", "jsonl", "avro"])
def test_elements(ending: str, tmp_path: Path) -> None:
    """Texts and numbers in lists and maps are features, labels and conditions; null where a row has none there."""
    path = write(ending, tmp_path)
    steps = [step("impute", "tags[0]", value="-"), step("one_hot", "tags[0]")]
    steps.append(step("impute", "sky.blue", "orders[1].price", value=-1))
    names = ["tags[0]", "sky.blue", "orders[1].price"]
    data = plan(path, features=names, prepare=steps)
    assert with_classes(data).names == ["tags[0]=-", "tags[0]=a", "tags[0]=b", "sky.blue", "orders[1].price"]
    assert read(data).x.tolist() == [[0, 0, 1, 3, -1], [0, 1, 0, -1, -1], [1, 0, 0, -1, -1], [0, 1, 0, -1, 4]]
    chosen = plan(path, features=["y"], label="orders[0].of[0]", where="tags[0] = 'a' and orders[0].price > 3")
    assert with_classes(chosen).classes == ("q",)
    assert read(chosen, 1).x.tolist() == [[3.5]]


def test_patterns_pass_elements(tmp_path: Path) -> None:
    """An element that a condition names is none of the features that ``all`` takes."""
    features = {"all": True, "except": ["type:list", "sky"]}
    table = TABLE.append_column("x", pa.array([1, 2, 3, 4]))
    data = plan(save(table, tmp_path / "x.parquet"), features=features, where="tags[0] = 'a'")
    assert [feature.name for feature in data.schema.features] == ["x"]
    assert read(data, 1).x.tolist() == [[2], [4]]


def test_paths() -> None:
    """A name is followed through types alone; keys of maps of single values may hold dots."""
    columns = pa.schema({**TYPES, "a.b": pa.list_(pa.int8()), "n": pa.map_(pa.string(), ORDER), "null": pa.null()})
    paths = {
        "tags[2]": ("tags", 2),
        "sky.a.b": ("sky", "a.b"),
        "orders[0].of[1]": ("orders", 0, "of", 1),
        "a.b[3]": ("a.b", 3),
        "n.key.price": ("n", "key", "price"),
        "null[1].x": ("null", 1, "x"),
    }
    for name, path in paths.items():
        part = find_path(name, columns)
        assert part is not None
        assert part[0] == path
        assert name_of(path) == name
    for name in (
        "tags",
        "tags.x",
        "tags[-1]",
        "tags[0]x",
        "sky[0]",
        "orders[0].none",
        "y[0]",
        "none[0]",
        "tags[0",
        "sky.",
    ):
        assert find_path(name, columns) is None, name


@pytest.mark.parametrize("kind", [pa.list_(pa.int32()), pa.large_list(pa.int32()), pa.list_view(pa.int32())])
def test_elements_of_slices(kind: pa.DataType) -> None:
    """Every kind of list has the same elements, also where arrays begin within others, or there are none."""
    values = [[1, 2], None, [], [3], [4, 5, 6]]
    array = pa.array(values, kind)
    for start in range(len(values) + 1):
        column = pa.chunked_array([array[start:]], kind)
        expected = [row[1] if row and len(row) > 1 else None for row in values[start:]]
        assert picked(column, (1,)).to_pylist() == expected
    fixed = pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2))[1:]
    assert picked(pa.chunked_array([fixed]), (1,)).to_pylist() == [None, 4]
    assert picked(pa.chunked_array([], kind), (1,)).to_pylist() == []


def test_tables_of_programs() -> None:
    """A table in memory has elements by the same names."""
    table = with_named_parts(TABLE, ["tags[0]", "sky.a.b", "orders[0].price", "y"])
    assert table["tags[0]"].to_pylist() == ["b", "a", None, "a"]
    assert table["sky.a.b"].to_pylist() == [5, None, None, None]
    assert table["orders[0].price"].to_pylist() == [2, None, None, 4]


def test_refused(tmp_path: Path) -> None:
    """A list of texts as a whole says that its elements have names."""
    with pytest.raises(JobFileError, match=r"not list<.*: string>; name one of its texts, such as tags\[0\]"):
        plan(write("arrow", tmp_path), features=["tags"])
    with pytest.raises(JobFileError, match=r"has no column 'tags\.x'; it has y, tags"):
        plan(write("parquet", tmp_path), features=["tags.x"])
