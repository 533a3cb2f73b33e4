"""Steps that make better numbers, against scikit-learn and pandas on real data: the same from any number of parts."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
)

from tests.preparing import Step, passes, plan, prepared, step
from yarnml.errors import DataError, JobFileError

Table = dict[str, Any]


def made(
    tmp_path: Path, columns: Table, steps: list[Step], test: Table | None = None, **fields: Any
) -> npt.NDArray[Any]:
    """The features of the test data, or of the training data; one part and five teach the same."""
    y = np.arange(len(next(iter(columns.values())))) / 2
    tested = {**test, "y": np.zeros(len(next(iter(test.values()))))} if test else None
    data = plan(tmp_path, {**columns, "y": y}, steps, tested, **fields)
    assert passes(data, 1) == passes(data, 5)
    return prepared(data, "test" if test else "train")


@pytest.fixture(scope="module")
def diabetes() -> npt.NDArray[np.float64]:
    return load_diabetes(return_X_y=True, scaled=False)[0]


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({"kind": "min_max"}, MinMaxScaler()),
        ({"kind": "robust"}, RobustScaler()),
        ({"kind": "quantile", "quantiles": 100}, QuantileTransformer(n_quantiles=100)),
        ({"kind": "quantile", "to": "normal"}, QuantileTransformer(n_quantiles=442, output_distribution="normal")),
    ],
    ids=["min_max", "robust", "uniform", "normal"],
)
def test_scaling(tmp_path: Path, diabetes: Any, fields: Step, reference: Any) -> None:
    """Columns are scaled as scikit-learn does, rows of other data beyond the ends of the training rows too."""
    if fields.get("to") == "normal":
        fields = {**fields, "quantiles": 442}
    train, test = ({f"x{k}": column for k, column in enumerate(part.T)} for part in (diabetes, diabetes * 1.1 - 3))
    x = made(tmp_path, train, [{**fields, "columns": [*train]}], test)
    expected = reference.fit(diabetes).transform(diabetes * 1.1 - 3)
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-5)


def test_constant_columns(tmp_path: Path) -> None:
    """A column of one value becomes 0 by all that divide by its spread."""
    columns = {"a": np.full(60, 7.0), "b": np.full(60, 7.0)}
    x = made(tmp_path, columns, [step("min_max", "a"), step("robust", "b")])
    assert not x.any()


def test_log_clip_and_powers(tmp_path: Path, diabetes: Any) -> None:
    """Logarithms, clipped ends and powers are NumPy's and scikit-learn's; steps follow each other."""
    age, sex, bmi, pressure = diabetes.T[:4]
    columns = {"age": age, "sex": sex, "bmi": bmi, "pressure": pressure}
    steps = [
        step("log", "age"),
        step("log", "sex", plus=0.5),
        step("clip", "bmi", quantiles=[0.05, 0.9]),
        step("clip", "pressure", edges=[70, 110]),
        step("log", "pressure", plus=0),
        step("polynomial", "bmi", degree=3),
    ]
    x = made(tmp_path, columns, steps)
    clipped = np.clip(bmi, *np.quantile(bmi, [0.05, 0.9]))
    powers = PolynomialFeatures(3, include_bias=False).fit_transform(clipped[:, None])
    expected = [np.log1p(age), np.log(sex + 0.5), *powers.T, np.log(np.clip(pressure, 70, 110))]
    np.testing.assert_allclose(x, np.stack(expected, axis=1), rtol=1e-6)
    assert passes(plan(tmp_path, {**columns, "y": age}, steps)).names == [
        *("age", "sex", "bmi", "bmi^2", "bmi^3", "pressure")
    ]


def test_nulls_pass(tmp_path: Path) -> None:
    """Nulls stay missing for learners that take them, behind any step, and are filled by an impute before it."""
    column = pa.array([1.0, None, 3.0, 9.0] * 15)
    kinds = ["log", "clip", "min_max", "robust", "quantile", "polynomial"]
    columns = dict.fromkeys(kinds, column)
    x = made(tmp_path, columns, [step(kind, kind) for kind in kinds], kind="boosting")
    assert (np.isnan(x) == np.isnan(x[:, :1])).all()
    assert np.isnan(x[1]).all()
    filled = made(tmp_path, {"a": column}, [step("impute", "a", value=3), step("min_max", "a")])
    assert filled[:4, 0].tolist() == [0, 0.25, 0.25, 1]


@pytest.mark.parametrize("count", [2, 30])
def test_rare_values(docstrings: Path, tmp_path: Path, count: int) -> None:
    """Rare values are one, with those that were never seen, as scikit-learn's infrequent ones."""
    train, test = (pq.read_table(docstrings / part)["name"].combine_chunks() for part in ("train", "test"))
    train = pa.concat_arrays([train, test.slice(0, 40), test.slice(0, 20)])
    columns, tested = ({"a": names, "b": names} for names in (train, test))
    steps = [step("one_hot", "a", min_count=count), step("category", "b", min_count=count)]
    if count == 30:
        steps[0]["max_values"] = 5
    asked, seen = (np.array(names.to_pylist(), object)[:, None] for names in (test, train))
    x = made(tmp_path, columns, steps, tested)
    encoder = OneHotEncoder(min_frequency=count, handle_unknown="infrequent_if_exist", sparse_output=False)
    expected = encoder.fit(seen).transform(asked)
    assert np.array_equal(x[:, :-1], expected)
    places = OrdinalEncoder(min_frequency=count, handle_unknown="use_encoded_value", unknown_value=10**6).fit(seen)
    assert np.array_equal(x[:, -1], np.minimum(places.transform(asked)[:, 0], expected.shape[1] - 1))


def test_frequency(docstrings: Path, tmp_path: Path) -> None:
    """A value becomes its share of the training rows, an unknown one 0."""
    train, test = (pq.read_table(docstrings / part)["package"].combine_chunks() for part in ("train", "test"))
    test = pa.concat_arrays([test, pa.array(["none of these"])])
    shares = pd.Series(train.to_pylist()).value_counts(normalize=True)
    x = made(tmp_path, {"a": train}, [step("frequency", "a")], {"a": test})
    assert x[:, 0].tolist() == [np.float32(shares.get(name, 0)) for name in test.to_pylist()]


@pytest.mark.parametrize("fields", [{}, {"sublinear": True}, {"norm": "none", "ngrams": [1, 2]}])
def test_tfidf(docstrings: Path, tmp_path: Path, fields: Step) -> None:
    """Counts of words are weighted as scikit-learn weights the same counts."""
    train, test = (pq.read_table(docstrings / part)["doc"].combine_chunks().drop_null() for part in ("train", "test"))
    train = train.slice(0, 400)
    test = test.slice(0, 200)
    x = made(tmp_path, {"a": train}, [step("tfidf", "a", width=128, **fields)], {"a": test})
    plain = {"ngrams": fields["ngrams"]} if "ngrams" in fields else {}
    counts = [made(tmp_path, {"a": part}, [step("text", "a", width=128, **plain)]) for part in (train, test)]
    reference = TfidfTransformer(
        sublinear_tf=fields.get("sublinear", False), norm=None if fields.get("norm") == "none" else "l2"
    )
    np.testing.assert_allclose(x, reference.fit(counts[0]).transform(counts[1]).toarray(), rtol=1e-5, atol=1e-6)


DAYS = ["1969-12-31", "1999-02-28", "2000-02-29", "2024-12-30", "2026-01-04"]


@pytest.mark.parametrize("form", ["date", "timestamp", "zoned", "text", "german", "mixed"])
def test_datetime(tmp_path: Path, form: str) -> None:
    """Parts of dates, instants and text are those of pandas, and days count from a date."""
    hour = "T00:00:00" if form == "date" else "T23:45:06"
    texts = [f"{day}{hour}" for day in DAYS] * 12
    instants = pd.to_datetime(pd.Series(texts))
    columns = {
        "date": pa.array(texts).cast(pa.timestamp("s")).cast(pa.date32()),
        "timestamp": pa.array(texts).cast(pa.timestamp("ns")),
        "zoned": pa.array([f"{text}Z" for text in texts]).cast(pa.timestamp("ms", "Europe/Berlin")),
        "text": pa.array(texts),
        "german": pa.array(instants.dt.strftime("%d.%m.%Y %H:%M:%S").tolist()),
        "mixed": pa.array([f"{text}Z" if n % 2 else text.replace("T", " ") for n, text in enumerate(texts)]),
    }
    fields: Step = {"parts": ["year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "weekend"]}
    fields |= {"format": "%d.%m.%Y %H:%M:%S"} if form == "german" else {}
    x = made(tmp_path, {"a": columns[form]}, [step("datetime", "a", since="2000-01-01", **fields)])
    at = instants.dt
    expected = [at.year, at.quarter, at.month, at.isocalendar().week, at.day, at.day_of_year, at.day_of_week, at.hour]
    expected += [at.day_of_week >= 5, (instants - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)]
    np.testing.assert_allclose(x, np.stack([part.to_numpy(np.float64) for part in expected], axis=1), rtol=1e-6)


def test_circles_of_dates(tmp_path: Path) -> None:
    """A cyclic part is a point of a circle, so that December is next to January; nulls are missing numbers."""
    column = pa.array(["2026-01-31", "2026-07-31", None] * 20)
    data = {"a": column, "y": np.arange(60) / 2}
    steps = [step("datetime", "a", parts=["month", "year"], cyclic=True)]
    planned = plan(tmp_path, data, steps, kind="boosting")
    assert passes(planned).names == ["a month sin", "a month cos", "a year"]
    x = prepared(planned)
    np.testing.assert_allclose(x[:2], [[0.5, np.sqrt(0.75), 2026], [-0.5, -np.sqrt(0.75), 2026]], rtol=1e-6)
    assert np.isnan(x[2]).all()


@pytest.mark.parametrize(
    ("column", "steps", "words"),
    [
        ([-1.0, 5.0], [step("log", "x")], "column 'x' holds -1, and with plus 1 that has no logarithm; raise plus"),
        (
            ["2026-13-01", "x"],
            [step("datetime", "x")],
            "holds '2026-13-01', no date of ISO 8601; give datetime a format",
        ),
        (["1.2", "x"], [step("datetime", "x", format="%d.%m.%Y")], r"holds '1\.2', no date in the format %d\.%m\.%Y"),
        ([1.5, 2.5], [step("datetime", "x")], "datetime needs dates, instants or text"),
        (["a", "b"], [step("robust", "x")], "robust needs numbers, but column 'x' .* holds string"),
        ([1.5, 2.5], [step("polynomial", "x"), step("log", "x")], "log needs numbers, but .* after polynomial"),
        ([1.5, 2.5], [step("clip", "x", quantiles=[0.9, 0.1])], "quantiles must be two ascending shares"),
        ([1.5, 2.5], [step("clip", "x", edges=[2, 1])], "edges must be"),
        ([1, 2], [step("one_hot", "x", min_count=2, unknown="error")], "min_count makes one value of rare and unknown"),
        (["2026-01-01"] * 2, [step("datetime", "x", parts=[])], "parts names no part"),
        (["2026-01-01"] * 2, [step("datetime", "x", since="yesterday")], "since must be a date such as"),
        (["2026-01-01"] * 2, [step("datetime", "x", parts=["century"])], "parts"),
        (pa.array(["2026-01-01"] * 2).cast(pa.date32()), [], "for features see datetime of data.prepare"),
    ],
)
def test_refused(tmp_path: Path, column: Any, steps: list[Step], words: str) -> None:
    """Values that a step can't take, and fields that say nothing, end in one sentence."""
    with pytest.raises((DataError, JobFileError), match=words) as refusal:
        made(tmp_path, {"x": column}, steps)
    assert "\n" not in str(refusal.value)
