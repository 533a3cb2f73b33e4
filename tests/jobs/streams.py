"""Streams of real rows: a folder with files that come one after another, and a job that follows it."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer

import yarnml
from yarnml.checkpoint.stream import StreamRecord, read_stream
from yarnml.events.events import Event

Job = dict[str, Any]

FILES = 6
ROWS_OF_FILE = 50
ALL_FILES = [f"part-{number:05d}.parquet" for number in range(FILES)]


def put(table: Any, folder: Path, number: int) -> Path:
    """Put a file into a folder as programs of Hadoop do, by a rename; it is a second older than the next."""
    folder.mkdir(exist_ok=True)
    path = folder / f"part-{number:05d}.parquet"
    hidden = folder / f".{path.name}"
    pq.write_table(table, hidden)
    os.utime(hidden, (1.7e9 + number, 1.7e9 + number))
    hidden.rename(path)
    return path


def cancer() -> pa.Table:
    """Rows of two classes."""
    return pa.Table.from_pandas(load_breast_cancer(as_frame=True).frame, preserve_index=False)


def stream_job(folder: Path) -> Job:
    """Cut the rows of cancer into a history and a stream of files; returns a job that follows these in ``folder``."""
    table = cancer()
    start = table.num_rows - FILES * ROWS_OF_FILE
    history = folder / "history.parquet"
    folder.mkdir(exist_ok=True)
    pq.write_table(table.slice(0, start), history, row_group_size=100)
    for number in range(FILES):
        put(table.slice(start + number * ROWS_OF_FILE, ROWS_OF_FILE), folder / "in", number)
    features = [name for name in table.column_names if name != "target"]
    return {
        "name": "stream",
        "data": {
            "train": str(history),
            "features": features,
            "label": "target",
            "scale": "standard",
            "follow": {"path": str(folder / "in"), "files": 2, "settle": "0 s", "every": "0 s", "until": "empty"},
        },
        "learner": {"kind": "mlp", "hidden": [8], "optimizer": {"learning_rate": 0.01}},
        "training": {"epochs": 2, "batch_size": 64, "shards": 3},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }


def record_of(job: Job) -> StreamRecord:
    record = read_stream(job["checkpoint"]["path"])
    assert record
    return record


def taken(job: Job) -> list[str]:
    """The names of all files that a stream has taken, in order."""
    record = record_of(job)
    return [Path(url).name for url in (*record.taken, *(file.url for file in record.files))]


def run(job: Job, **follow: Any) -> list[Event]:
    events: list[Event] = []
    data = job["data"] | {"follow": job["data"]["follow"] | follow}
    yarnml.run(job | {"data": data}, "inline", say=events.append)
    return events


def of(events: list[Event], kind: Any) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


class Killed(BaseException):
    """The end of a process, as far as one process can play it: nothing of yarnml hears of it."""


def die_at(event: Event, kind: type[Event]) -> None:
    if isinstance(event, kind):
        raise Killed
