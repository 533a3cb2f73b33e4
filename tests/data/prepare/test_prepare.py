"""Steps of preparation: against scikit-learn or a plain definition on real data, and what is refused."""

import csv
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_wine
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from tests.preparing import Step, fnv, passes, plan, prepared, step
from yarnml.data.plan import make_plan
from yarnml.data.prepare.hashing import fnv1a
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job


def holes(x: npt.NDArray[Any], share: float = 0.2) -> npt.NDArray[Any]:
    """A copy with seeded NaN."""
    return np.where(np.random.default_rng(1).random(x.shape) < share, np.nan, x)


@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({}, {"strategy": "mean"}),
        ({"strategy": "median"}, {"strategy": "median"}),
        ({"strategy": "most_frequent"}, {"strategy": "most_frequent"}),
        ({"value": -1.5}, {"strategy": "constant", "fill_value": -1.5}),
    ],
    ids=["mean", "median", "most_frequent", "value"],
)
def test_impute(tmp_path: Path, fields: Step, reference: dict[str, Any], indicator: bool) -> None:
    """Nulls and NaN become what scikit-learn fills them with, and where that was is a number more, if asked for."""
    data, y = load_diabetes(return_X_y=True, scaled=False)
    x = np.stack([holes(c) for c in data.T], axis=1)
    columns = {f"x{k}": pa.array(c, from_pandas=k % 2 == 0) for k, c in enumerate(x.T)}  # null in some, NaN in others
    found = plan(tmp_path, {**columns, "y": y}, [step("impute", *columns, indicator=indicator, **fields)])
    made = prepared(found)
    expected = SimpleImputer(**reference).fit_transform(x)
    np.testing.assert_allclose(made[:, :: 2 if indicator else 1], expected, rtol=1e-6)
    if indicator:
        assert np.array_equal(made[:, 1::2], np.isnan(x))
        assert passes(found).names[:2] == ["x0", "x0 is missing"]


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "dictionary"])
@pytest.mark.parametrize("name", ["package", "arguments", "private"])
def test_one_hot_and_category(docstrings: Path, tmp_path: Path, name: str, encoded: bool) -> None:
    """Text, numbers, booleans and dictionaries become what scikit-learn makes of them; unknown values are none."""
    train, test = (pq.read_table(docstrings / part)[name].combine_chunks().drop_null() for part in ("train", "test"))
    train = train.filter(pa.array(train.to_numpy(zero_copy_only=False) != test[0].as_py())).slice(0, 100)
    seen, asked = (np.array(column.to_pylist(), object)[:, None] for column in (train, test))
    if encoded:
        train, test = train.dictionary_encode(), test.dictionary_encode()
    columns, others = ({"a": c, "b": c, "y": np.ones(len(c)) / 2} for c in (train, test))
    found = plan(tmp_path, columns, [step("one_hot", "a"), step("category", "b")], others)
    dummies = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(seen).transform(asked)
    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(seen).transform(asked)
    assert np.array_equal(prepared(found, "test"), np.concatenate([dummies, places], axis=1))
    assert (places == -1).any()
    assert passes(found).names == [*(f"a={value}" for value in sorted(set(seen[:, 0]))), "b"]


def test_given_values(tmp_path: Path) -> None:
    """Values of the job file are the ones that count, in its order, and no pass looks for others."""
    sizes = ["small", "huge", "large", "medium"]
    found = plan(tmp_path, {"x": sizes, "y": [0.5] * 4}, [step("category", "x", values=["small", "medium", "large"])])
    assert found.schema.width == 1
    assert prepared(found)[:, 0].tolist() == [0, -1, 2, 1]


@pytest.mark.parametrize("edges", [None, [12.0, 13.0]])
def test_bucket(tmp_path: Path, edges: list[float] | None) -> None:
    """Numbers fall between the edges that are given, or between the quantiles of the training data."""
    wine, y = load_wine(return_X_y=True)
    x = wine[:, 0]
    fields = {"edges": edges} if edges else {"buckets": 4}
    columns = {"a": x, "b": x, "y": y}
    found = plan(tmp_path, columns, [step("bucket", "a", **fields), step("bucket", "b", one_hot=True, **fields)])
    between = edges or np.quantile(x, [0.25, 0.5, 0.75])
    places = np.digitize(x, between)
    assert np.array_equal(prepared(found), np.concatenate([places[:, None], np.eye(len(between) + 1)[places]], axis=1))
    names = passes(found).names
    assert names[1] == f"b<{between[0]:.9g}"
    assert names[2] == f"{between[0]:.9g}<=b<{between[1]:.9g}"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30)))
def test_fnv1a(texts: list[str]) -> None:
    """The hash is FNV-1a with 64 bits, of any texts, also in the middle of a longer column."""
    column = pa.array([*texts, "foobar", *texts], pa.large_string())
    assert fnv1a(column).tolist() == [fnv(t) for t in [*texts, "foobar", *texts]]
    assert fnv1a(column.slice(len(texts), 1)).tolist() == [0x85944171F73967E8]


def test_hash(tmp_path: Path) -> None:
    """Exactly one of the numbers is 1, by the hash of the value's text; a number and its digits are one."""
    numbers = [7, 12345678901, -3, 7]
    columns = {"a": numbers, "b": [str(n) for n in numbers], "y": [0.5] * 4}
    made = prepared(plan(tmp_path, columns, [step("hash", "a", "b", width=11)]))
    expected = np.eye(11)[[fnv(str(n)) % 11 for n in numbers]]
    assert np.array_equal(made, np.concatenate([expected, expected], axis=1))


def grams(text: str, of: str, low: int, high: int) -> Counter[str]:
    """What counts in a text, by the document's definition."""
    words = re.findall(r"\w+", text.lower())
    runs = [words] if of == "words" else [list(f" {word} ") for word in words]
    glue = " " if of == "words" else ""
    return Counter(glue.join(r[i : i + n]) for r in runs for n in range(low, high + 1) for i in range(len(r) - n + 1))


@pytest.mark.parametrize(
    ("of", "ngrams"), [("words", [1, 1]), ("words", [1, 3]), ("words", [2, 2]), ("characters", [2, 4])]
)
def test_text(docstrings: Path, tmp_path: Path, of: str, ngrams: list[int]) -> None:
    """Words, runs of words and parts of words are counted where their hash says; without any, all numbers are 0."""
    texts = [*pq.read_table(docstrings / "test")["doc"].to_pylist()[:40], "", "Größe, größe!", "--"]
    width = 101
    expected = np.zeros((len(texts), width))
    for row, text in enumerate(texts):
        for gram, count in grams(text, of, *ngrams).items():
            expected[row, fnv(gram) % width] += count
    steps = [step("text", "x", width=width, of=of, ngrams=ngrams)]
    found = plan(tmp_path, {"x": texts, "y": [0.5] * len(texts)}, steps)
    assert np.array_equal(prepared(found), expected)


def test_csv(tmp_path: Path) -> None:
    """Columns of CSV files are read as what their steps need, whatever the first rows look like."""
    rows = {
        "word": ["1", "2", "three"] * 40,
        "day": ["2024-01-01", "2024-01-02", "2024-01-01"] * 40,
        "count": [1, "", 2.5] * 40,
        "flag": ["true", "false", "true"] * 40,
        "y": [0.5, 1.5, 2.5] * 40,
    }
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([rows, *zip(*rows.values(), strict=True)])
    steps = [
        step("text", "word", width=7),
        step("one_hot", "day"),
        step("impute", "count", value=9),
        step("category", "flag"),
    ]
    data = {"train": str(path), "features": [n for n in rows if n != "y"], "label": "y", "prepare": steps}
    found = make_plan(load_job({"name": "job", "data": data, "learner": {"kind": "linear"}}))
    expected = [[1, 0, 1, 1], [0, 1, 9, 0], [1, 0, 2.5, 1]] * 40
    words = np.eye(7)[[fnv(w) % 7 for w in rows["word"]]]
    assert np.array_equal(prepared(found), np.concatenate([words, expected], axis=1))


def test_a_learner_that_bears_missing_values(tmp_path: Path) -> None:
    """Where the learner can take NaN, nulls become NaN: of numbers, in lists, and as category and bucket."""
    columns = {
        "a": pa.array([1, None, 3]),
        "b": [[1.0, None], [2.0, 3.0], [None, 4.0]],
        "c": ["x", None, "y"],
        "d": [None, 0.5, 2.0],
        "y": [0.5] * 3,
    }
    found = plan(tmp_path, columns, [step("category", "c"), step("bucket", "d", edges=[1.0])])
    with pytest.raises(DataError, match=r"column 'c' has 1 nulls; fill them \(data.prepare, kind: impute\)"):
        passes(found)
    bearing = msgspec.structs.replace(found, schema=msgspec.structs.replace(found.schema, missing=True))
    nan = np.nan
    expected = [[1, 1, nan, 0, nan], [nan, 2, 3, nan, 0], [3, nan, 4, 1, 1]]
    assert np.array_equal(prepared(bearing), np.array(expected, np.float32), equal_nan=True)


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_passes_do_not_depend_on_the_cut(tmp_path: Path, shards: int) -> None:
    """Whatever the number of shards and the order of reports, the steps learn the same."""
    x, y = load_diabetes(return_X_y=True)
    columns = {"a": x[:, 0], "b": holes(x[:, 2]), "c": x[:, 3], "sex": np.where(x[:, 1] > 0, "m", "f"), "y": y}
    steps = [
        step("impute", "b", strategy="mean"),
        step("bucket", "b", "c", buckets=5),
        step("one_hot", "sex"),
    ]
    found = plan(tmp_path, columns, steps)
    assert passes(found, shards) == passes(found, 3)


# What is refused


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([step("onehot", "x")], r"\[0\]\.kind must be one of impute, one_hot, .*did you mean 'one_hot'"),
        ([{"columns": ["x"]}], r"\[0\]\.kind must be one of impute, .*, not nothing"),
        ([step("hash", "x", width=3, bins=3)], r"\[0\] has an unknown key 'bins'.* Valid keys: kind, columns, width"),
        ([step("one_hot", "x", unknown="keep")], r"\[0\]\.unknown must be 'ignore' or 'error', not str 'keep'"),
        ([step("hash", "x")], r"\[0\]\.width, which is missing"),
        ([step("hash", "x", width=0)], r"\[0\]\.width must be a whole number >= 1, not int 0"),
        ([step("hash", "x", width=3), step("category", "z")], r"\[1\]\.columns: 'z' is none of data\.features"),
        ([step("hash", "x", "x", width=3)], r"\[0\]\.columns names a column twice"),
        ([step("text", "x", width=3, ngrams=[2, 1])], r"\[0\]\.ngrams are the shortest and the longest run"),
        ([step("bucket", "x", edges=[1, 1])], r"\[0\]\.edges must be one finite number or more"),
        ([step("bucket", "x", edges=[])], r"\[0\]\.edges must be one finite number or more"),
        ([step("impute", "x", value=math.nan)], r"\[0\]\.value must be a finite number, not nan"),
        ([step("impute", "x", value=1, strategy="median")], r"\[0\]\.strategy median finds what fills the columns"),
        ([step("one_hot", "x", values=["a", "a"])], r"\[0\]\.values names a value twice"),
    ],
)
def test_refused_fields(steps: list[Step], words: str) -> None:
    """A step that says what can't be is refused with its place in the list and its field."""
    data = {"train": "a.csv", "features": ["x"], "label": "y", "prepare": steps}
    with pytest.raises(JobFileError, match=r"data\.prepare" + words):
        load_job({"name": "job", "data": data, "learner": {"kind": "mlp"}})


TEXT, NUMBERS, NOTHING = ["a", "b", "c"], [0.5, 1.5, None], pa.array([None] * 3, pa.float64())
IMPUTE = step("impute", "x")


@pytest.mark.parametrize(
    ("x", "steps", "words"),
    [
        (TEXT, [], r"must hold numbers .*, not string; data\.prepare makes numbers of text, by one_hot, category"),
        (TEXT, [step("bucket", "x")], r"bucket needs numbers, but column 'x' of .* holds string"),
        (NUMBERS, [step("one_hot", "x")], r"one_hot needs text, whole numbers or booleans, but .* double"),
        (NUMBERS, [step("text", "x", width=2)], r"text needs text, but column 'x' of .* holds double"),
        (TEXT, [IMPUTE], r"impute needs numbers \(of text: strategy most_frequent, or a text as value\)"),
        (TEXT, [IMPUTE | {"value": "z"}], r"'x' holds string after impute; add one of one_hot, category"),
        (NUMBERS, [IMPUTE | {"value": "z"}], r"impute needs text to fill with 'z', but"),
        (TEXT, [step("one_hot", "x"), IMPUTE], r"'x' holds what only a learner takes after one_hot"),
        ([[1.0]] * 3, [IMPUTE], r"impute needs numbers or text, but column 'x' of .* list"),
        ([None] * 3, [IMPUTE | {"value": 1}], r"impute needs numbers or text, but column 'x' of .* holds null"),
    ],
)
def test_refused_types(tmp_path: Path, x: Any, steps: list[Step], words: str) -> None:
    """A column that a step can't take is refused with both before anything starts, and with what would help."""
    with pytest.raises(JobFileError, match=words):
        plan(tmp_path, {"x": x, "y": [0.5] * 3}, steps)


@pytest.mark.parametrize(
    ("x", "steps", "words"),
    [
        (
            TEXT,
            [step("one_hot", "x", max_values=2)],
            r"Column 'x' has more than 2 different values .* raise max_values",
        ),
        (
            ["a", None, "b"],
            [step("one_hot", "x")],
            r"column 'x' has 1 nulls; fill them \(data\.prepare, kind: impute\)",
        ),
        (NOTHING, [IMPUTE], r"Column 'x' holds nothing in the training data to fill it with; give impute a value"),
        (NOTHING, [IMPUTE, step("bucket", "x")], r"Column 'x' holds nothing in the training data to fill it with"),
        ([0.5, math.inf, None], [IMPUTE], r"column 'x' holds infinity, which leaves no mean"),
    ],
)
def test_refused_values(tmp_path: Path, x: Any, steps: list[Step], words: str) -> None:
    """What the training data can't teach is refused with the column and what to change."""
    with pytest.raises(DataError, match=words):
        passes(plan(tmp_path, {"x": x, "y": [0.5] * 3}, steps))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("one_hot", r"Column 'x' holds text in some files and numbers in others"),
        ("bucket", r"2\.parquet: column 'x' holds string, which bucket can't take here: Failed to parse string"),
        ("impute", r"2\.parquet: column 'x' holds string, which impute can't take here: Failed to parse string"),
    ],
)
def test_files_of_different_types(tmp_path: Path, kind: str, words: str) -> None:
    """A file whose column has another type than the first file's is named, or the column."""
    for name, x in (("1", [1, 2]), ("2", ["a", "b"])):
        pq.write_table(pa.table({"x": x, "y": [0.5, 1.5]}), tmp_path / f"{name}.parquet")
    data = {"train": str(tmp_path), "features": ["x"], "label": "y", "prepare": [step(kind, "x")]}
    with pytest.raises(DataError, match=words):
        passes(make_plan(load_job({"name": "job", "data": data, "learner": {"kind": "linear"}})))


def test_shape_is_checked_when_the_widths_are_known(tmp_path: Path) -> None:
    """data.shape must hold as many numbers as the prepared columns, which is known after the pass."""
    found = plan(tmp_path, {"x": TEXT, "y": [0.5] * 3}, [step("one_hot", "x")], shape=[2, 2])
    with pytest.raises(JobFileError, match=r"data\.shape \[2, 2\] holds 4 numbers, but the feature columns hold 3"):
        passes(found)


def test_unknown_values(tmp_path: Path) -> None:
    """Where unknown values are errors, the first one is named, with the known ones and the file."""
    steps = [step("one_hot", "x", unknown="error")]
    found = plan(tmp_path, {"x": TEXT, "y": [0.5] * 3}, steps, {"x": ["a", "z"], "y": [0.5] * 2})
    with pytest.raises(
        DataError, match=r"test\.parquet: column 'x' holds 'z', which is none of .*\(a, b, c\); set unk"
    ):
        prepared(found, "test")
