"""Histories of jobs that nobody had to run: of any length, with any number of workers."""

import math
from collections.abc import Sequence
from pathlib import Path

from yarnml.events.events import EpochDone, Event, Failure, Outcome, Planned, ProcessJoined, ProcessLost, Tick
from yarnml.events.measurements import ProcessesMeasured, ProcessUse, RoundMeasured, RunStarted, TrainingMeasured
from yarnml.watch.history.entries import Entry
from yarnml.watch.history.pieces import Pieces

START = 1_700_000_000.0
PHASES = ("read", "compute", "exchange", "update", "wait")

FAILURE = Failure("ModelError", "The loss is nan at step 12. Lower the learning rate.", "Traceback: <b>line</b> 1")
"""The bad end of a job, with what HTML would take for a tag."""


def job(name: str = "digits", **fields: object) -> dict[str, object]:
    learner = {"kind": "mlp", "hidden": [64]}
    return {"name": name, "learner": learner, "training": {"epochs": 20, "batch_size": 128}, **fields}


def epochs(count: int) -> list[EpochDone]:
    return [
        EpochDone(n, 20, 10 * n, 1.5 / n, {"loss": 2.0 / n, "accuracy": 1 - 0.5 / n, "recall[a]": 0.5})
        for n in range(1, count + 1)
    ]


def outcome(count: int) -> Outcome:
    metrics = {"test": {"loss": 2.0 / count, "accuracy": 1 - 0.5 / count}}
    return Outcome(
        "digits", 10 * count, count, metrics, {"total": 90.0}, "/jobs/digits/checkpoints", "/models/digits/3"
    )


def entries(
    count: int = 20, workers: int = 3, end: Outcome | Failure | None = None, document: dict[str, object] | None = None
) -> list[Entry]:
    """The history of a run of so many epochs, one every 5 seconds; it goes on where it has no ``end``."""
    events: list[tuple[float, Event]] = [
        (0.0, RunStarted(document or job(), "0.1.0", "local", "process 1 on node-1")),
        (0.1, Planned("digits", "local", {"train": 1438, "test": 359}, workers, workers, 0)),
        (0.2, ProcessJoined(workers, workers)),
        (0.3, ProcessLost("worker 1 was ended by signal 9 (SIGKILL)")),
    ]
    for epoch in epochs(count):
        at = 5.0 * epoch.epoch
        share = {phase: 0.5 * epoch.epoch * (n + 1) for n, phase in enumerate(PHASES)}
        seconds = {phase: [round(0.01 * (n + w % 7 + 1), 4) for w in range(workers)] for n, phase in enumerate(PHASES)}
        uses = [
            ProcessUse("worker", w, f"node-{w % 40}", 1, (200 + w % 50) * 2**20, 0.9, 1000 * epoch.step)
            for w in range(workers)
        ]
        events += [
            (at, RoundMeasured(epoch.step - 10, epoch.step, [*range(workers)], seconds)),
            (at, TrainingMeasured(epoch.step, 1438 * epoch.epoch, workers, share, workers * epoch.step)),
            (at, ProcessesMeasured(uses, 0, 0.75)),
            (at, Tick(epoch.step, epoch.loss * math.e, 1438, workers)),
            (at + 0.1, epoch),
        ]
    if end:
        events.append((5.0 * count + 1.0, end))
    return [Entry(START + at, event) for at, event in events]


def write(folder: Path, listed: Sequence[Entry]) -> Path:
    """Write a history into the folder of a job; returns it."""
    Pieces(str(folder)).append(listed)
    return folder
