"""Delta tables, written by the package deltalake: the rows of each version, and the one that a job goes on with."""

import base64
import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from sklearn.datasets import load_breast_cancer

import yarnml
from tests.data.tables import plan, read, write_parquet
from tests.preparing import step
from yarnml.data.snapshots.delta import version_at
from yarnml.errors import CheckpointError, DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.master.preflight import overview

ROWS = pa.table(
    {
        "x": [1.0, 2.0, 3.0, 4.0],
        "y": [0.5, 1.5, 0.5, 1.5],
        "country": ["DE", "a/b= c%", "DE", None],
        "code": ["01", "02", "01", "02"],
    }
)
Z85 = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
B85 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A table of three versions: four rows in folders, as many more, and then without those of x = 3."""
    url = str(tmp_path / "table")
    write_deltalake(url, ROWS, partition_by=["country", "code"])
    write_deltalake(url, ROWS.set_column(0, "x", pa.array([5.0, 6.0, 7.0, 8.0])), mode="append")
    DeltaTable(url).delete("x = 3")
    return url


@pytest.mark.parametrize("version", [0, 1, 2, None])
def test_versions(version: int | None, table: str) -> None:
    """A version has the rows that deltalake reads of it, and columns of folders have the types that the table says."""
    expected = DeltaTable(table, version=version).to_pandas()
    data = plan(table, version=version, features=["x"], where="code = '01'")
    dataset = data.datasets["train"]
    assert dataset.snapshot == (2 if version is None else version)
    assert dataset.rows == (expected["code"] == "01").sum()
    rows = read(plan(table, version=version))
    assert sorted(rows.x[:, 0].tolist()) == sorted(expected["x"])
    steps = [step("impute", "country", value="?"), step("one_hot", "country", "code")]
    seen = plan(table, version=version, features=["country", "code"], prepare=steps)
    assert seen.stored["train"].field("code").type == pa.string()
    assert {dict(file.partition)["country"] for file in seen.datasets["train"].files} == {
        None if pd.isna(country) else country for country in expected["country"]
    }


def test_times(table: str) -> None:
    """A time means the newest version that was written by then."""
    entries = DeltaTable(table).history()
    for entry in entries:
        moment = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)
        dataset = plan(table, version=moment.isoformat()).datasets["train"]
        assert dataset.snapshot == max(e["version"] for e in entries if e["timestamp"] <= entry["timestamp"])


@pytest.mark.parametrize(
    ("time", "version"),
    [("1970-01-01T00:00:01Z", 0), ("1970-01-01 00:00:01.999", 0), ("1970-01-01T01:00:02+01:00", 1), ("2026-01-01", 2)],
)
def test_version_at(time: str, version: int) -> None:
    """Times have a zone, or are in UTC."""
    history = [{"version": n, "timestamp": 1000 * (n + 1)} for n in (2, 1, 0)]
    assert version_at(time, history, "data.train", "table") == version


def with_deletion_vector(table: Path) -> None:
    """Write the log of a table whose only file has lost its second row, as Spark does."""
    write_deltalake(table, ROWS, configuration={"delta.enableDeletionVectors": "true"})
    first = table / "_delta_log/00000000000000000000.json"
    added = next(line for line in map(json.loads, first.read_text().splitlines()) if "add" in line)
    bitmap = struct.pack("<IIHHIH", 12346, 1, 0, 0, 16, 1)
    body = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    padded = body + bytes(-len(body) % 4)
    text = base64.b85encode(padded).translate(bytes.maketrans(B85, Z85)).decode()
    vector = {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(body), "cardinality": 1}
    removed = {"remove": {"path": added["add"]["path"], "dataChange": True, "deletionTimestamp": 0}}
    added["add"]["deletionVector"] = vector
    second = first.with_name("00000000000000000001.json")
    second.write_text(f"{json.dumps(removed)}\n{json.dumps(added)}\n")


def without_rows(table: Path) -> None:
    write_deltalake(table, ROWS)
    DeltaTable(table).delete()


def with_names(table: Path) -> None:
    write_deltalake(table, ROWS, configuration={"delta.columnMapping.mode": "name"})


def with_torn_log(table: Path) -> None:
    write_deltalake(table, ROWS)
    (table / "_delta_log/00000000000000000000.json").write_text('{"add": {"pa')


def with_lost_file(table: Path) -> None:
    write_deltalake(table, ROWS)
    next(table.glob("*.parquet")).unlink()


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (with_deletion_vector, "version 1 of the Delta table .* has deletion vectors: its files still hold rows"),
        (with_names, "has other names for columns than its files"),
        (without_rows, "version 1 of the Delta table .* has no rows"),
        (with_lost_file, "version 0 of the Delta table .* needs .*parquet, which is gone; VACUUM removes"),
        (with_torn_log, "the Delta table .* can't be read"),
    ],
)
def test_tables_that_are_refused(write: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    """A table whose files are not its rows is refused in a sentence."""
    write(tmp_path / "t")
    with pytest.raises(DataError, match=words):
        plan(str(tmp_path / "t"))


def test_deletion_vectors_are_allowed(tmp_path: Path) -> None:
    """A table that may have deletion vectors, and has none yet in a version, is read there."""
    with_deletion_vector(tmp_path / "t")
    assert plan(str(tmp_path / "t"), version=0).datasets["train"].rows == 4


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("{}", {"version": 9}, "has no version 9; its newest is 2"),
        ("{}", {"version": "2001-01-01"}, "has no version as old as 2001-01-01; its log begins at 2"),
        ("{}", {"version": "yesterday"}, "data.version must be a number, or a time such as"),
        ("{}", {"format": "csv"}, "is a table of Delta, whose files are parquet; remove data.format"),
        ("{}/code=01", {}, "is a part of the Delta table"),
        ("{}/country=DE/code=01", {}, "is a part of the Delta table"),
        ("{}/*/*", {}, "is a part of the Delta table"),
        (["{}", "{}"], {}, "is in a table of Delta, which must be given alone"),
        ("{}-plain.parquet", {"version": 1}, "data.version is for Delta and Iceberg tables, not for .*plain.parquet"),
    ],
)
def test_job_files_that_are_refused(path: Any, fields: Any, words: str, table: str) -> None:
    """A version that is not there, and a path past the log, are named."""
    write_parquet(f"{table}-plain.parquet", {"x": [1.0, 2.0], "y": [0.5, 1.5]})
    train = [part.format(table) for part in path] if isinstance(path, list) else path.format(table)
    with pytest.raises(JobFileError, match=words):
        plan(train, **fields)


@pytest.mark.long
def test_a_job_goes_on_with_its_version(tmp_path: Path) -> None:
    """Rows that come later are for a job that begins anew; a continued one has the bits of one that never stopped."""
    frame = load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture", "target"]]
    url = str(tmp_path / "table")
    write_deltalake(url, frame[:400])

    def job(name: str, epochs: int, **data: Any) -> dict[str, Any]:
        columns = {"features": ["mean radius", "mean texture"], "label": "target"}
        return {
            "name": "tumours",
            "data": {"train": url, **columns, "scale": "standard", **data},
            "learner": {"kind": "logistic", "optimizer": {"kind": "sgd", "learning_rate": 0.1}},
            "training": {"epochs": epochs, "batch_size": 100, "shards": 2},
            "workers": {"count": 2},
            "checkpoint": {"path": f"{tmp_path}/{name}"},
            "export": f"{tmp_path}/{name}-models",
        }

    yarnml.run(job("stopped", 1), "inline")
    write_deltalake(url, frame[400:], mode="append")
    DeltaTable(url).optimize.compact()
    ahead = overview(load_job(job("stopped", 2)))
    assert (ahead.datasets[0].format, ahead.datasets[0].rows, ahead.state) == (
        "Delta, version 0",
        400,
        "goes on from step 4",
    )
    exports = [
        yarnml.run(job("stopped", 2), "local").export,
        yarnml.run(job("whole", 2, version=0), "inline").export,
    ]
    models = [Path(str(export), "model.safetensors").read_bytes() for export in exports]
    assert models[0] == models[1]
    about = yarnml.load_model(exports[0]).about
    assert (about["data"]["train"]["version"], about["data"]["train"]["rows"]) == (0, 400)
    with pytest.raises(CheckpointError, match=r"the version of data\.train"):
        overview(load_job(job("stopped", 3, version=1)))
    assert overview(load_job(job("new", 1))).datasets[0].rows == len(frame)
    assert np.isfinite(yarnml.load_model(exports[1]).predict(frame[:5])).all()
