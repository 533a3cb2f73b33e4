"""One of two workers at a tenth of its speed: the time of a whole job, with and without backup tasks."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.measure import spread
from benchmarks.workloads import SMALL, job

STOPPED_SECONDS = 0.09
RUNNING_SECONDS = 0.01
"""Stopped and running in turn for these times, a process has a tenth of its speed."""

KINDS: dict[str, dict[str, Any]] = {
    "steps of 2048 rows": {"epochs": 10, "batch_size": SMALL.batch},
    "full passes, 8 shards": {"epochs": 8, "batch_size": "full", "shards": 8},
}


def main(rounds: int = 3) -> None:
    """A worker at a tenth of its speed, with and without backup tasks."""
    for kind, training in KINDS.items():
        print(f"straggler, {kind}: seconds from the end of the first epoch to the end of the job")
        taken: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, slow, backups in (
                ("undisturbed", False, True),
                ("a worker 10 times slower", True, True),
                ("the same without backups", True, False),
            ):
                taken.setdefault(name, []).append(_once(training, slow=slow, backups=backups))
        for name, values in taken.items():
            ratios = [b / a for a, b in zip(taken["undisturbed"], values, strict=True)]
            print(f"  {name:28} {spread(values, ' s'):28} this/undisturbed {spread(ratios)}", flush=True)


def _once(training: dict[str, Any], *, slow: bool, backups: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        spec = job(SMALL, Path(folder), training=training, workers={"count": 2, "backups": backups})
        path = Path(folder) / "job.yaml"
        path.write_text(yaml.safe_dump(spec))
        line = [sys.executable, "-m", "yarnml", "run", str(path)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout
            for output_line in run.stdout:
                if output_line.startswith("epoch 1/"):
                    break
            start = time.perf_counter()
            with slowed(workers(run.pid)[-1]) if slow else nullcontext():
                run.stdout.read()
                assert run.wait() == 0
            return time.perf_counter() - start


def workers(master: int) -> list[psutil.Process]:
    """The workers of a job, in the order in which they were started."""
    children = psutil.Process(master).children(recursive=True)
    return sorted((p for p in children if p.name().startswith("worker ")), key=lambda p: p.pid)


@contextmanager
def slowed(
    process: psutil.Process, running: float = RUNNING_SECONDS, stopped: float = STOPPED_SECONDS
) -> Iterator[None]:
    """Let a process run and stop in turn for these times, until the end of the block."""

    def act(over: threading.Event) -> None:
        with suppress(psutil.NoSuchProcess):
            while not over.wait(running):
                process.suspend()
                time.sleep(stopped)
                process.resume()

    with beside(act):
        yield


@contextmanager
def beside(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do something in a thread, until the event that it is given: the end of the block."""
    over = threading.Event()
    thread = threading.Thread(target=act, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
