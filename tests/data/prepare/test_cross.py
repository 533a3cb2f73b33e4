"""Crosses: a place by the hash of several columns' values, from any table and any format."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tests.preparing import Step, fnv, passes, plan, prepared, step
from yarnml.data.plan import make_plan
from yarnml.data.rows import features_of
from yarnml.data.valid_rows import valid_features
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job

WIDTH = 16
COLUMNS: dict[str, Any] = {
    "country": ["DE", "FR", "DE", None],
    "device": pa.array([1, 2, 1, 2]),
    "x": [0.5, 1.5, 2.5, 3.5],
    "y": [1.0, 2.0, 3.0, 4.0],
}
CROSS = step("cross", "country", "device", width=WIDTH)


def ones(*places: int | None) -> list[list[float]]:
    return [[float(k == place) for k in range(WIDTH)] for place in places]


EXPECTED = ones(fnv("DE\x1f1") % WIDTH, fnv("FR\x1f2") % WIDTH, fnv("DE\x1f1") % WIDTH, None)


def test_a_cross_is_a_feature_of_its_own(tmp_path: Path) -> None:
    """The place is the hash of all values together; a row that lacks one has none, and columns keep their own steps."""
    data = plan(tmp_path, COLUMNS, [step("hash", "device", width=2), CROSS])
    x = prepared(data)
    assert [f.name for f in data.schema.features] == ["device", "x", "country:device"]
    assert passes(data).names[3:5] == ["country:device#0", "country:device#1"]
    assert x[:, 3:].tolist() == EXPECTED
    assert x[:, 2].tolist() == COLUMNS["x"]


def test_tables_of_a_prediction(tmp_path: Path) -> None:
    """Other types of the same values are crossed alike; a column that is missing is named, and bad rows are found."""
    schema = passes(plan(tmp_path, COLUMNS, [CROSS]))
    asked = {
        "x": COLUMNS["x"],
        "device": [1.0, 2.0, 1.0, 2.0],
        "country": pa.array(COLUMNS["country"]).dictionary_encode(),
    }
    assert features_of(pa.table(asked), schema, "the table")[:, 1:].tolist() == EXPECTED
    with pytest.raises(DataError, match="the table has no column 'device'; it has x, country"):
        features_of(pa.table(asked).drop_columns("device"), schema, "the table")
    with pytest.raises(DataError, match=r"column 'country:device' holds 1\.5, which is no whole number"):
        features_of(pa.table(asked | {"device": [1.0, 1.5, 1.0, 2.0]}), schema, "the table")
    assert valid_features(pa.table(asked | {"device": [1.0, 1.5, 1.0, 2.0]}), schema, "t")[1].tolist() == [1, 0, 1, 1]


def test_csv(tmp_path: Path) -> None:
    """Columns of CSV that are only crossed are text, so that codes keep their zeros."""
    table = pa.table({"zip": ["01", "1", "01"], "device": ["a", "b", "a"], "y": [1.0, 2.0, 3.0]})
    pyarrow.csv.write_csv(table, tmp_path / "train.csv")
    section = {"train": str(tmp_path / "train.csv"), "features": ["zip", "device"], "label": "y", "scale": "none"}
    cross = step("cross", "zip", "device", width=WIDTH)
    data = make_plan(load_job({"name": "j", "data": section | {"prepare": [cross]}, "learner": {"kind": "mlp"}}))
    assert prepared(data).tolist() == ones(*(fnv(text) % WIDTH for text in ("01\x1fa", "1\x1fb", "01\x1fa")))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([step("cross", "country", width=4)], r"\[0\]\.columns must be .*"),
        ([step("cross", "country", "z", width=4)], r"\[0\]\.columns: 'z' is none of data\.features"),
        ([step("cross", "country", "tags", width=4)], r": cross needs text, whole numbers or booleans, but column"),
    ],
)
def test_refused(tmp_path: Path, steps: list[Step], words: str) -> None:
    """A cross is of two columns or more, each of them a feature of single values."""
    table = pa.table(COLUMNS | {"tags": [["a"]] * 4})
    pq.write_table(table, tmp_path / "t.parquet")
    section = {"train": str(tmp_path / "t.parquet"), "features": ["country", "tags"], "label": "y", "prepare": steps}
    with pytest.raises(JobFileError, match=r"data\.prepare" + words):
        make_plan(load_job({"name": "job", "data": section, "learner": {"kind": "mlp"}}))


def test_patterns(tmp_path: Path) -> None:
    """Columns of a cross may be named by patterns, in the order of the file."""
    steps = [step("cross", "type:text", "dev*", width=WIDTH)]
    data = plan(tmp_path, COLUMNS, steps, features={"all": True, "except": ["x"]})
    assert [f.name for f in data.schema.features] == ["country:device"]
    assert np.array_equal(prepared(data), EXPECTED)
