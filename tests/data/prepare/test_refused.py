"""Steps of preparation that are refused: wrong fields, wrong types, values that can't be learnt or are unknown."""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.preparing import Step, passes, plan, prepared, step
from yarnml.data.plan import make_plan
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job


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


TEXT = ["a", "b", "c"]
NUMBERS = [0.5, 1.5, None]
NOTHING = pa.array([None] * 3, pa.float64())
IMPUTE = step("impute", "x")


@pytest.mark.parametrize(
    ("x", "steps", "words"),
    [
        (TEXT, [], r"must hold numbers .*, not string; data\.prepare makes numbers of text, by one_hot, category"),
        (TEXT, [step("bucket", "x")], r"bucket needs numbers, but column 'x' of .* holds string"),
        (NUMBERS, [step("text", "x", width=2)], r"text needs text, but column 'x' of .* holds double"),
        (TEXT, [IMPUTE], r"impute needs numbers \(of text: strategy most_frequent, or a text as value\)"),
        (TEXT, [IMPUTE | {"value": "z"}], r"'x' holds string after impute; add one of one_hot, category"),
        (NUMBERS, [IMPUTE | {"value": "z"}], r"impute needs text to fill with 'z', but"),
        (TEXT, [step("one_hot", "x"), IMPUTE], r"'x' holds what only a learner takes after one_hot"),
        (TEXT, [step("one_hot", "x"), step("pad", "x", length=2)], r"pad can't follow, since .* after one_hot"),
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
        ([0.5, 1.5], [step("one_hot", "x")], r"column 'x' holds 0\.5, which is no whole number, so it can't tell"),
        ([1e300, 1.5], [step("category", "x")], r"column 'x' holds 1e\+300, which is too large, so it can't tell"),
        ([2.0**53, 1.0], [step("category", "x")], r"column 'x' holds 9\.0072e\+15, which is too large, so it can't"),
        (
            [1.0, math.nan],
            [step("category", "x")],
            r"column 'x' has 1 nulls; fill them \(data\.prepare, kind: impute\)",
        ),
        (NOTHING, [IMPUTE], r"Column 'x' holds nothing in the training data to fill it with; give impute a value"),
        (NOTHING, [IMPUTE, step("bucket", "x")], r"Column 'x' holds nothing in the training data to fill it with"),
        ([0.5, math.inf, None], [IMPUTE], r"column 'x' holds infinity, which leaves no mean"),
    ],
)
def test_refused_values(tmp_path: Path, x: Any, steps: list[Step], words: str) -> None:
    """A step that the training data can't teach is refused with the column and what to change."""
    with pytest.raises(DataError, match=words):
        passes(plan(tmp_path, {"x": x, "y": [0.5] * len(x)}, steps))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("one_hot", r"Column 'x' holds numbers in some files and text in others: int64 in .*1\.parquet, but string in"),
        ("bucket", r"Column 'x' holds numbers in some files and text in others: .*2\.parquet; store one type in all"),
        ("impute", r"Column 'x' holds numbers in some files and text in others: .*2\.parquet; store one type in all"),
    ],
)
def test_files_of_different_types(tmp_path: Path, kind: str, words: str) -> None:
    """A file whose column has another type than the first file's is named with both types."""
    for name, x in (("1", [1, 2]), ("2", ["a", "b"])):
        pq.write_table(pa.table({"x": x, "y": [0.5, 1.5]}), tmp_path / f"{name}.parquet")
    data = {"train": str(tmp_path), "features": ["x"], "label": "y", "prepare": [step(kind, "x")]}
    with pytest.raises(DataError, match=words):
        passes(make_plan(load_job({"name": "job", "data": data, "learner": {"kind": "linear"}})))


def test_shape_is_checked_when_the_widths_are_known(tmp_path: Path) -> None:
    """data.shape must hold as many numbers as the prepared columns, which is known after the pass."""
    data = plan(tmp_path, {"x": TEXT, "y": [0.5] * 3}, [step("one_hot", "x")], shape=[2, 2])
    with pytest.raises(JobFileError, match=r"data\.shape \[2, 2\] holds 4 numbers, but the feature columns hold 3"):
        passes(data)


def test_unknown_values(tmp_path: Path) -> None:
    """With unknown values as errors, the first one is named, with the known ones and the file."""
    steps = [step("one_hot", "x", unknown="error")]
    data = plan(tmp_path, {"x": TEXT, "y": [0.5] * 3}, steps, {"x": ["a", "z"], "y": [0.5] * 2})
    with pytest.raises(
        DataError, match=r"test\.parquet: column 'x' holds 'z', which is none of .*\(a, b, c\); set unk"
    ):
        prepared(data, "test")
