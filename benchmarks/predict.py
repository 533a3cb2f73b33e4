"""Predictions of many rows: from Parquet to Parquet by a model of the same program, in one process with one thread.

Limit: a plain loop that reads row groups, calls the exported program and writes a file for each file that it read.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import tables
from benchmarks.measure import Column, interleaved, report
from benchmarks.tables import Table
from yarnml.job.load import load_job, load_prediction
from yarnml.runner import run, run_any
from yarnml.worker.scoring import MAX_ROWS

LIMIT = "a plain loop"


class Seconds(NamedTuple):
    """Seconds of one block, and those of its process's processor time."""

    wall: float
    processor: float


COLUMNS = [
    Column("s", lambda seconds: seconds.wall, compared=True),
    Column("processor s", lambda seconds: seconds.processor, compared=True),
]


def main(rounds: int = 5, rows: int = 2_000_000, width: int = 28) -> None:
    """Predict rows with a logistic regression, beside a plain loop of pyarrow and JAX."""
    table = Table(rows, width)
    data = tables.write(table)
    print(f"predict: {rows} synthetic rows of {width} features, logistic regression, one process")
    with tempfile.TemporaryDirectory() as folder:
        model = _train(table, str(data), folder)
        output = Path(folder) / "output"
        blocks: dict[str, Callable[[], Seconds]] = {
            LIMIT: lambda: _timed(lambda: _loop(model, table, output), output),
            "yarnml predict, inline": lambda: _timed(lambda: _predict(model, str(data), output), output),
        }
        for block in blocks.values():  # compiles
            block()
        report(interleaved(blocks, rounds), COLUMNS, LIMIT)


def _train(table: Table, data: str, folder: str) -> str:
    job = tables.job(table, data, folder, {"kind": "logistic"}, {"epochs": 1, "batch_size": 4096})
    job |= {"data": job["data"] | {"label": "label", "classes": [0, 1]}, "export": f"{folder}/models"}
    outcome = run(load_job(job), "inline")
    assert outcome.export
    return outcome.export


def _timed(act: Callable[[], None], output: Path) -> Seconds:
    """Time one block, and remove what it wrote."""
    wall = time.perf_counter()
    processor = time.process_time()
    act()
    seconds = Seconds(time.perf_counter() - wall, time.process_time() - processor)
    for path in output.iterdir():
        path.unlink()
    output.rmdir()
    return seconds


def _predict(model: str, data: str, output: Path) -> None:
    section = {"model": model, "data": data, "output": str(output)}
    run_any(load_prediction({"name": "predict", "predict": section}), "inline")


def _loop(model: str, table: Table, output: Path) -> None:
    """Do the same by hand, without checks of any kind."""
    from yarnml.model.model import load_model

    loaded = load_model(model)
    output.mkdir()
    for path in sorted(table.folder.iterdir()):
        reader = pq.ParquetFile(path, pre_buffer=True)
        parts = []
        for group in range(reader.num_row_groups):
            columns = reader.read_row_group(group, columns=table.features)
            x = np.empty((len(columns), table.width), np.float32)
            for place, name in enumerate(table.features):
                x[:, place] = columns[name].to_numpy()
            parts += [loaded.call(x[low : low + MAX_ROWS], MAX_ROWS) for low in range(0, len(x), MAX_ROWS)]
        outputs = np.concatenate(parts)
        lists = pa.FixedSizeListArray.from_arrays(pa.array(outputs.reshape(-1)), 2).cast(pa.list_(pa.float32()))
        written = pa.table({"prediction": outputs.argmax(axis=1), "probabilities": lists})
        pq.write_table(written, output / path.name, compression="zstd", write_page_checksum=True)
