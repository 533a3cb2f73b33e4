"""Streams: from the rename of a file to the version that has learnt it, and files lost or doubled over kills.

Synthetic rows, two local workers, a file a batch.  A file comes as soon as the batch before it is a version, and is
seen at once: what a job waits between two looks, ``data.follow.every``, comes on top.  Then the whole job, with its
workers, is killed again and again some batches after its start, and run again, until it has taken all files.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.measure import align, spread
from yarnml.checkpoint.stream import read_stream
from yarnml.events.events import BatchLearned, Event
from yarnml.job.load import load_job
from yarnml.runner import run

WIDTH = 28
MOST_BATCHES = 3
"""New versions of a run, at most, before it is killed."""
MOST_SECONDS = 0.2
"""Longest time from the last of them to the kill."""


def main(files: int = 60, rows: int = 5_000, kills: int = 10, seed: int = 0) -> None:
    """Streams: seconds from a file to a version, and files lost or doubled when all processes are killed."""
    print(f"streams: files of {rows} synthetic rows of {WIDTH} numbers, an MLP, 2 local workers")
    with tempfile.TemporaryDirectory() as folder:
        seconds = latencies(Path(folder), files, rows)
        print(f"  {len(seconds)} files; from rename to version {spread(seconds, ' s')}")
    with tempfile.TemporaryDirectory() as folder:
        align(
            [["kills", "files", "lost", "doubled"], [str(n) for n in survivors(Path(folder), files, rows, kills, seed)]]
        )


def latencies(folder: Path, files: int, rows: int) -> list[float]:
    """The seconds from each rename to the version, but for the first file, whose batch compiles."""
    renamed: list[float] = []
    seconds: list[float] = []

    def say(event: Event) -> None:
        if not isinstance(event, BatchLearned):
            return
        if event.batch:
            seconds.append(time.monotonic() - renamed[-1])
        if len(renamed) < files:
            put(folder / "in", len(renamed), rows)
            renamed.append(time.monotonic())

    run(load_job(job(folder, rows, every="1 s")), "local", say=say)
    return seconds[1:]


def survivors(folder: Path, files: int, rows: int, kills: int, seed: int) -> Sequence[int]:
    """Kill a job so many times, as the seed draws; (kills, files, lost ones, doubled ones)."""
    draw = random.Random(seed)
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(job(folder, rows, every="0 s")))
    names = [put(folder / "in", number, rows).name for number in range(files)]
    done = 0
    while True:
        with (folder / "printed").open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "yarnml", "run", str(path)],
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        if done < kills and _has_learnt(process, folder / "models", draw.randint(1, MOST_BATCHES)):
            time.sleep(draw.uniform(0, MOST_SECONDS))
            os.killpg(process.pid, signal.SIGKILL)  # the workers end with their master
            process.wait()
            done += 1
            continue
        if process.wait():
            raise SystemExit((folder / "printed").read_text())
        break
    record = read_stream(str(folder / "job"))
    urls = (*record.taken, *(file.url for file in record.files)) if record else ()
    taken = Counter(Path(url).name for url in urls)
    return done, files, len({*names} - {*taken}), sum(count - 1 for count in taken.values())


def _has_learnt(process: "subprocess.Popen[bytes]", models: Path, batches: int) -> bool:
    """Wait until a job has made so many versions more; false where it ends before."""
    before = len([*models.glob("*")])
    while process.poll() is None:
        if len([*models.glob("*")]) >= before + batches:
            return True
        time.sleep(0.005)
    return False


def put(folder: Path, number: int, rows: int) -> Path:
    """Write a file beside the folder's others, and show it by a rename."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(number)
    x = random.standard_normal((rows, WIDTH), np.float32)
    columns = {f"f{j}": x[:, j] for j in range(WIDTH)}
    target = folder / f"part-{number:05d}.parquet"
    hidden = folder / f".{target.name}"
    pq.write_table(pa.table({**columns, "label": (x[:, 0] + x[:, 1] > 0).astype(np.int8)}), hidden)
    return hidden.rename(target)


def job(folder: Path, rows: int, every: str) -> dict[str, Any]:
    """A job that has learnt a history, and follows the folder ``in``."""
    follow = {"path": str(folder / "in"), "files": 1, "settle": "0 s", "every": every, "until": "empty"}
    return {
        "name": "streams",
        "data": {
            "train": str(put(folder / "history", 1_000_000, 4 * rows)),
            "features": [f"f{j}" for j in range(WIDTH)],
            "label": "label",
            "classes": [0, 1],
            "follow": follow,
        },
        "learner": {"kind": "mlp", "hidden": [64]},
        "training": {"epochs": 1, "batch_size": 500, "shards": 2},
        "workers": {"count": 2},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }
