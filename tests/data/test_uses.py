"""Columns of text files, read as what they are for: codes keep their zeros, numbers are numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.data.tables import plan, read, with_classes, write_csv, write_parquet
from yarnml.data.formats import lines
from yarnml.data.lookup import are_fractions
from yarnml.data.rows import features_of
from yarnml.errors import DataError

CODES = ["01234", "1234", "99999", "01234"]
Y = [0.5, 1.5, 2.5, 3.5]


def step(kind: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"kind": kind, "columns": ["x"], **fields}]


@pytest.mark.parametrize("kind", ["one_hot", "category", "hash"])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_codes_keep_their_zeros(tmp_path: Path, kind: str, format: str) -> None:
    """Codes that differ in leading zeros alone are different values, in CSV as in Parquet."""
    write = write_csv if format == "csv" else write_parquet
    path = write(f"{tmp_path}/rows.{format}", {"x": CODES, "y": Y})
    x = read(plan(path, prepare=step(kind, **({"width": 64} if kind == "hash" else {})))).x
    assert len({tuple(row) for row in x.tolist()}) == 3
    assert (x[0] == x[3]).all()


@pytest.mark.parametrize("kind", ["one_hot", "category"])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_given_codes(tmp_path: Path, kind: str, format: str) -> None:
    """Values that are given as text are looked up as text, from every format."""
    write = write_csv if format == "csv" else write_parquet
    path = write(f"{tmp_path}/rows.{format}", {"x": CODES, "y": Y})
    x = read(plan(path, prepare=step(kind, values=["01234", "1234", "99999"]))).x
    places = [0, 1, 2, 0]
    assert x.tolist() == (np.eye(3)[places].tolist() if kind == "one_hot" else [[place] for place in places])


@pytest.mark.parametrize("kind", ["one_hot", "category", "hash"])
@pytest.mark.parametrize("later", ["file", "group"])
def test_letters_only_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, later: str) -> None:
    """Codes may have letters that come only in a later file, or later in a file."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 16)
    if later == "file":
        write_csv(f"{tmp_path}/in/1.csv", {"x": CODES, "y": Y})
        write_csv(f"{tmp_path}/in/2.csv", {"x": ["EC1A"], "y": [0.5]})
    else:
        write_csv(f"{tmp_path}/in/1.csv", {"x": [*CODES, "EC1A"], "y": [*Y, 0.5]})
    x = read(plan(f"{tmp_path}/in", prepare=step(kind, **({"width": 64} if kind == "hash" else {})))).x
    assert len({tuple(row) for row in x.tolist()}) == 4


@pytest.mark.parametrize("kind", ["one_hot", "category"])
@pytest.mark.parametrize(
    "x", [[10, 9, 100, 9], [-1, 2, 10, 0], [2**63 - 1, -(2**63), 0, 5], [True, False, True, True]], ids=str
)
def test_whole_numbers_are_whole_numbers(tmp_path: Path, kind: str, x: list[int]) -> None:
    """A column of CSV that is all whole numbers, or booleans, is as from Parquet, in order of size."""
    plans = [
        plan(write(f"{tmp_path}/rows.{format}", {"x": x, "y": Y}), prepare=step(kind))
        for format, write in (("csv", write_csv), ("parquet", write_parquet))
    ]
    rows = [read(data).x.tolist() for data in plans]
    assert rows[0] == rows[1]
    steps = [with_classes(data).features[0].steps[0] for data in plans]
    assert steps[0] == steps[1]
    assert getattr(steps[0], "values") == sorted(set(x))  # noqa: B009


@pytest.mark.parametrize("values", [[7, 10], ["7", "10"]], ids=["numbers", "texts"])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_given_numbers(tmp_path: Path, values: list[Any], format: str) -> None:
    """Values of whole numbers are found whether they are given, and stored, as numbers or as text."""
    write = write_csv if format == "csv" else write_parquet
    path = write(f"{tmp_path}/rows.{format}", {"x": [10, 7, 8, 10], "y": Y})
    data = plan(path, prepare=step("category", values=values))
    assert read(data).x[:, 0].tolist() == [1, 0, -1, 1]
    for asked in ([10, 7], ["10", "7"], pa.array([10.0, 7.0]), pa.array([10, 7], pa.uint8())):
        assert features_of(pa.table({"x": asked}), data.schema, "the table")[:, 0].tolist() == [1, 0]
    assert features_of(pa.table({"x": ["07", "x"]}), data.schema, "the table")[:, 0].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("labels", "fields", "classes"),
    [
        (["01", "1", "2", "01"], {}, ("01", "1", "2")),
        ([10, 9, 100, 9], {}, (9, 10, 100)),
        (["01", "1", "2", "01"], {"classes": ["2", "1", "01"]}, ("2", "1", "01")),
        ([10, 9, 100, 9], {"classes": [100, 10, 9]}, (100, 10, 9)),
        ([10, 9, 100, 9], {"classes": ["100", "10", "9"]}, ("100", "10", "9")),
        (["true", "false", "true", "true"], {}, (False, True)),
        (["true", "false", "true", "true"], {"classes": ["true", "false"]}, ("true", "false")),
        (["2024-01-02", "2024-01-01"] * 2, {}, ("2024-01-01", "2024-01-02")),
    ],
)
def test_labels_of_csv(tmp_path: Path, labels: list[Any], fields: dict[str, Any], classes: tuple[Any, ...]) -> None:
    """Class labels keep their zeros; where all are whole numbers or booleans, they are as from Parquet."""
    data = plan(write_csv(f"{tmp_path}/rows.csv", {"x": [1, 2, 3, 4], "y": labels}), **fields)
    assert with_classes(data).classes == classes
    kinds = [type(value) for value in classes]
    texts = {str(value).lower(): place for place, value in enumerate(classes)}
    assert [type(value) for value in with_classes(data).classes or ()] == kinds
    assert read(data).y.tolist() == [texts[str(label)] for label in labels]


def test_labels_with_letters_only_in_a_later_file(tmp_path: Path) -> None:
    """Labels that are digits in one file and words in another are classes of text."""
    write_csv(f"{tmp_path}/in/1.csv", {"x": [1, 2], "y": [1, 0]})
    write_csv(f"{tmp_path}/in/2.csv", {"x": [3], "y": ["unknown"]})
    data = plan(f"{tmp_path}/in")
    assert with_classes(data).classes == ("0", "1", "unknown")
    assert read(data).y.tolist() == [1, 0, 2]


def test_labels_with_fractions_only_in_a_later_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that are fractions in one file are numbers to predict; where that shows too late, the field is named."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 16)
    write_csv(f"{tmp_path}/in/1.csv", {"x": [1, 2], "y": [1, 0]})
    write_csv(f"{tmp_path}/in/2.csv", {"x": [3], "y": [0.5]})
    assert read(plan(f"{tmp_path}/in")).y.tolist() == [1, 0, 0.5]
    path = write_csv(f"{tmp_path}/one.csv", {"x": list(range(20)), "y": [1] * 19 + [0.5]})
    with pytest.raises(DataError, match=r"Label 'y' holds fractions such as 0\.5; .*set data\.label_type: number"):
        read(plan(path))
    assert read(plan(path, label_type="number")).y[-1] == 0.5


def test_filled_codes(tmp_path: Path) -> None:
    """A most frequent code, or one that is given, fills the gaps as text; a number says that it is numbers."""
    path = write_csv(f"{tmp_path}/rows.csv", {"x": ["07", "7", "", "07"], "y": Y})
    frequent = [*step("impute", strategy="most_frequent"), *step("category")]
    assert read(plan(path, prepare=frequent)).x[:, 0].tolist() == [0, 1, 0, 0]
    given = [*step("impute", value="7"), *step("category")]
    assert read(plan(path, prepare=given)).x[:, 0].tolist() == [0, 1, 1, 0]
    numbers = [*step("impute", value=-1), *step("category")]
    assert read(plan(path, prepare=numbers)).x[:, 0].tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("fields", [{}, {"values": [1, 2, -1]}], ids=["learnt", "given"])
@pytest.mark.parametrize("filled", [False, True])
def test_whole_numbers_stored_as_fractions(tmp_path: Path, fields: dict[str, Any], filled: bool) -> None:
    """Whole numbers that a library stores as fractions, since they have nulls, are categories as they were."""
    x = pa.array([1.0, 2.0, None if filled else 1.0, float("nan") if filled else 2.0])
    path = write_parquet(f"{tmp_path}/rows.parquet", {"x": x, "y": Y})  # type: ignore[dict-item]
    data = plan(path, prepare=[*(step("impute", value=-1) if filled else []), *step("category", **fields)])
    known = getattr(with_classes(data).features[0].steps[-1], "values")  # noqa: B009
    assert all(type(value) is int for value in known)
    assert [known[int(place)] for place in read(data).x[:, 0]] == [1, 2, *([-1, -1] if filled else [1, 2])]


def test_hive_nulls(tmp_path: Path) -> None:
    r"""The text \N, as Hive writes it, is a null: of numbers and of text."""
    path = write_csv(f"{tmp_path}/rows.csv", {"x": ["a", r"\N", "b", "a"], "n": [1, r"\N", 2, 3], "y": Y})
    steps = [*step("impute", value="b"), *step("category"), {"kind": "impute", "columns": ["n"], "value": 9}]
    assert read(plan(path, features=["x", "n"], prepare=steps)).x.tolist() == [[0, 1], [1, 9], [1, 2], [0, 3]]


@given(texts=st.lists(st.from_regex(r"0{0,2}[0-9]{1,3}|[xyz]{1,2}|[0-9]\.0", fullmatch=True), min_size=1, max_size=8))
@settings(max_examples=40)
@pytest.mark.parametrize("kind", ["category", "label", "given"])
def test_csv_tells_apart_what_parquet_does(
    tmp_path_factory: pytest.TempPathFactory, kind: str, texts: list[str]
) -> None:
    """Values that are different texts are different in CSV as in Parquet, whatever they look like."""
    assume(kind != "label" or not are_fractions(texts))  # those are numbers to predict
    folder = tmp_path_factory.mktemp("rows")
    numbers = []
    for format, write in (("csv", write_csv), ("parquet", write_parquet)):
        path = write(f"{folder}/rows.{format}", {"x": texts, "n": list(range(len(texts)))})
        values = {"values": sorted(set(texts))} if kind == "given" else {}
        fields = {"features": ["n"], "label": "x"} if kind == "label" else {"features": ["x"], "label": "n"}
        if kind != "label":
            fields |= {"prepare": step("category", **values), "label_type": "number"}
        rows = read(plan(path, **fields), 1)
        column = rows.y if kind == "label" else rows.x[:, 0]
        numbers.append([column.tolist().index(value) for value in column])
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("train_format", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("column", "asked", "fields"),
    [
        (["maybe", "True", "no"], ["True", "True", "no"], {"kind": "category"}),
        (["maybe", "True", "no"], ["True", "True", "True"], {"kind": "category"}),
        ([10, 9, 100], [9, 9, 100], {"kind": "category"}),
        (["01", "1", "EC1A"], ["01", "1", "1"], {"kind": "category"}),
        (["01", "1", "EC1A"], ["1", "1", "1"], {"kind": "hash", "width": 64}),
        ([1, 2, 3], [1.5, 2, 3], None),
        ([1.5, 2, 3], [1, 2, 3], None),
    ],
    ids=str,
)
def test_other_data_is_read_as_the_training_data(
    tmp_path: Path, train_format: str, column: list[Any], asked: list[Any], fields: dict[str, Any] | None
) -> None:
    """Test data in CSV mean what the same values in the training data mean, whatever they look like by themselves."""
    write = write_csv if train_format == "csv" else write_parquet
    train = write(f"{tmp_path}/train.{train_format}", {"x": column, "y": Y[:3]})
    both = write(f"{tmp_path}/both.{train_format}", {"x": [*column, *asked], "y": Y[:3] * 2})
    test = write_csv(f"{tmp_path}/test.csv", {"x": asked, "y": Y[:3]})
    steps = [{"columns": ["x"], **fields}] if fields else []
    rows = read(plan(train, test, prepare=steps, features=["x"]), 1, "test").x
    assert np.array_equal(rows, read(plan(both, prepare=steps), 1).x[3:])


@pytest.mark.parametrize(
    ("labels", "asked", "numbers"),
    [
        ([0.5, 1, 2], [1, 2, 1], [1, 2, 1]),
        ([0, 1, 2], [1, 1, 1], [1, 1, 1]),
        (["yes", "no", "01"], ["01", "01", "01"], [0, 0, 0]),
        (["a", "true", "b"], ["true", "true", "true"], [2, 2, 2]),
        ([True, False, True], [True, True, True], [1, 1, 1]),
    ],
    ids=str,
)
@pytest.mark.parametrize("train_format", ["csv", "parquet"])
def test_labels_of_other_data(
    tmp_path: Path, train_format: str, labels: list[Any], asked: list[Any], numbers: list[float]
) -> None:
    """Labels of test data in CSV are those of the training data, whatever they look like by themselves."""
    write = write_csv if train_format == "csv" else write_parquet
    train = write(f"{tmp_path}/train.{train_format}", {"x": [1, 2, 3], "y": labels})
    test = write_csv(f"{tmp_path}/test.csv", {"x": [1, 2, 3], "y": asked})
    assert read(plan(train, test), 1, "test").y.tolist() == numbers


@pytest.mark.parametrize(
    ("format", "classes"),
    [("csv", None), ("csv", [10, 9]), ("csv", ["10", "9"]), ("parquet", None), ("parquet", [10, 9])],
    ids=str,
)
def test_balanced_classes(tmp_path: Path, format: str, classes: list[Any] | None) -> None:
    """Balanced weights are by the counts of the classes, whether they are given as numbers or as text."""
    write = write_csv if format == "csv" else write_parquet
    path = write(f"{tmp_path}/rows.{format}", {"x": [1, 2, 3, 4], "y": [9, 10, 10, 10]})
    data = plan(path, class_weights="balanced", **({"classes": classes} if classes else {}))
    weights = dict(zip(with_classes(data).classes or (), with_classes(data).class_weights or (), strict=True))
    assert {int(value): weight for value, weight in weights.items()} == {9: 2.0, 10: 2 / 3}
