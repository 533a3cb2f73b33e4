"""Steps of preparation: against scikit-learn or a plain definition on real data."""

import csv
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from tests.preparing import Step, fnv, passes, plan, prepared, step
from yarnml.data.plan import make_plan
from yarnml.errors import DataError
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
    diabetes, y = load_diabetes(return_X_y=True, scaled=False)
    x = np.stack([holes(c) for c in diabetes.T], axis=1)
    columns = {f"x{k}": pa.array(c, from_pandas=k % 2 == 0) for k, c in enumerate(x.T)}  # null in some, NaN in others
    data = plan(tmp_path, {**columns, "y": y}, [step("impute", *columns, indicator=indicator, **fields)])
    made = prepared(data)
    expected = SimpleImputer(**reference).fit_transform(x)
    np.testing.assert_allclose(made[:, :: 2 if indicator else 1], expected, rtol=1e-6)
    if indicator:
        assert np.array_equal(made[:, 1::2], np.isnan(x))
        assert passes(data).names[:2] == ["x0", "x0 is missing"]


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "dictionary"])
@pytest.mark.parametrize("name", ["package", "arguments", "private"])
def test_one_hot_and_category(docstrings: Path, tmp_path: Path, name: str, encoded: bool) -> None:
    """Text, numbers, booleans and dictionaries become what scikit-learn makes of them; unknown values are none."""
    train, test = (pq.read_table(docstrings / part)[name].combine_chunks().drop_null() for part in ("train", "test"))
    train = train.filter(pa.array(train.to_numpy(zero_copy_only=False) != test[0].as_py())).slice(0, 100)
    seen, asked = (np.array(column.to_pylist(), object)[:, None] for column in (train, test))
    if encoded:
        train, test = train.dictionary_encode(), test.dictionary_encode()
    columns, test_columns = ({"a": c, "b": c, "y": np.ones(len(c)) / 2} for c in (train, test))
    data = plan(tmp_path, columns, [step("one_hot", "a"), step("category", "b")], test_columns)
    dummies = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(seen).transform(asked)
    places = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(seen).transform(asked)
    assert np.array_equal(prepared(data, "test"), np.concatenate([dummies, places], axis=1))
    assert (places == -1).any()
    assert passes(data).names == [*(f"a={value}" for value in sorted(set(seen[:, 0]))), "b"]


def test_given_values(tmp_path: Path) -> None:
    """Values of the job file are the ones that count, in its order, and no pass looks for others."""
    sizes = ["small", "huge", "large", "medium"]
    data = plan(tmp_path, {"x": sizes, "y": [0.5] * 4}, [step("category", "x", values=["small", "medium", "large"])])
    assert data.schema.width == 1
    assert prepared(data)[:, 0].tolist() == [0, -1, 2, 1]


@pytest.mark.parametrize("edges", [None, [12.0, 13.0]])
def test_bucket(tmp_path: Path, edges: list[float] | None) -> None:
    """Numbers fall between the edges that are given, or between the quantiles of the training data."""
    wine, y = load_wine(return_X_y=True)
    x = wine[:, 0]
    fields = {"edges": edges} if edges else {"buckets": 4}
    columns = {"a": x, "b": x, "y": y}
    data = plan(tmp_path, columns, [step("bucket", "a", **fields), step("bucket", "b", one_hot=True, **fields)])
    between = edges or np.quantile(x, [0.25, 0.5, 0.75])
    places = np.digitize(x, between)
    assert np.array_equal(prepared(data), np.concatenate([places[:, None], np.eye(len(between) + 1)[places]], axis=1))
    names = passes(data).names
    assert names[1] == f"b<{between[0]:.9g}"
    assert names[2] == f"{between[0]:.9g}<=b<{between[1]:.9g}"


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
    section = {"train": str(path), "features": [n for n in rows if n != "y"], "label": "y", "prepare": steps}
    data = make_plan(load_job({"name": "job", "data": section, "learner": {"kind": "boosting"}}))
    expected = [[1, 0, 1, 1], [0, 1, 9, 0], [1, 0, 2.5, 1]] * 40
    words = np.eye(7)[[fnv(w) % 7 for w in rows["word"]]]
    assert np.array_equal(prepared(data), np.concatenate([words, expected], axis=1))


def test_a_learner_that_bears_missing_values(tmp_path: Path) -> None:
    """For a learner that can take NaN, nulls become NaN: of numbers, in lists, and as category and bucket."""
    columns = {
        "a": pa.array([1, None, 3]),
        "b": [[1.0, None], [2.0, 3.0], [None, 4.0]],
        "c": ["x", None, "y"],
        "d": [None, 0.5, 2.0],
        "y": [0.5] * 3,
    }
    data = plan(tmp_path, columns, [step("category", "c"), step("bucket", "d", edges=[1.0])])
    with pytest.raises(DataError, match=r"column 'c' has 1 nulls; fill them \(data.prepare, kind: impute\)"):
        passes(data)
    bearing = msgspec.structs.replace(data, schema=msgspec.structs.replace(data.schema, missing=True))
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
    data = plan(tmp_path, columns, steps)
    assert passes(data, shards) == passes(data, 3)
