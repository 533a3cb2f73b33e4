"""The time to a loss with a worker at a third of its speed: steps that wait for it, and what does not."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from typing import Any

import psutil

from benchmarks.example_data import data_of
from benchmarks.measure import spread
from benchmarks.savings import NESTEROV
from benchmarks.straggler import beside, slowed, workers
from yarnml.events.events import EpochDone, Event

TARGET = 0.1
"""The loss on the test rows."""

EPOCHS = 12
PERIOD_SECONDS = 0.015
TURN_SECONDS = 1.0

OPTIMIZER = {"kind": "adam", "learning_rate": 1e-3}
"""Slower than by default, which is too fast for gradients of earlier parameters."""

WITHOUT_BACKUPS = {"backups": False}
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "every step": ({}, WITHOUT_BACKUPS),
    "backup tasks": ({}, {}),
    "delay 1": ({"delay": 1}, WITHOUT_BACKUPS),
    "delay 2": ({"delay": 2}, WITHOUT_BACKUPS),
    "delay 4": ({"delay": 4}, WITHOUT_BACKUPS),
    "delay 1, backup tasks": ({"delay": 1}, {}),
    "16 local steps": ({"local_steps": 16, "outer": NESTEROV}, WITHOUT_BACKUPS),
    "16 local steps, backup tasks": ({"local_steps": 16, "outer": NESTEROV}, {}),
}


def main(rounds: int = 1, only: str = "", factor: float = 3.0) -> None:
    """Seconds to a loss with workers of which one is slow, always or each for a second in turn."""
    print(f"slow-worker: digits, two workers, seconds from the first epoch to a test loss of {TARGET}")
    titles = ["epochs", "undisturbed", f"one at 1/{factor:g} of its speed", "each in turn"]
    _show("", titles)
    for name, (training, sizes) in SETTINGS.items():
        if only in name:
            taken = [[reach(training, sizes, kind, factor) for kind in ("", "one", "turns")] for _ in range(rounds)]
            seconds = [spread([row[kind][1] for row in taken]) for kind in range(3)]
            _show(name, [str(taken[0][0][0]), *seconds])


def _show(name: str, cells: Sequence[str]) -> None:
    """Print a row of the table as soon as it is there: the next one takes minutes."""
    print(f"  {name:30} {' '.join(f'{cell:>28}' for cell in cells)}", flush=True)


@contextmanager
def slowed_in_turn(processes: Sequence[psutil.Process], factor: float) -> Iterator[None]:
    """Have one of several processes run so many times slower, each for some seconds, until the end of the block."""
    running = PERIOD_SECONDS / factor

    def act(over: threading.Event) -> None:
        for process in cycle(processes):
            with slowed(process, running, PERIOD_SECONDS - running):
                if over.wait(TURN_SECONDS):
                    return

    with beside(act):
        yield


def reach(training: dict[str, Any], sizes: dict[str, Any], kind: str, factor: float) -> tuple[int, float]:
    """The epoch after which the loss is reached, and the seconds from the end of the first one to that.

    ``training``, ``sizes``: fields of the job's ``training`` and ``workers``.
    ``kind``: which workers are slow: none, ``one`` or by ``turns``.
    """
    import yarnml

    times: dict[int, float] = {}
    reached: list[int] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as slowing:

        def say(event: Event) -> None:
            if not isinstance(event, EpochDone) or reached:
                return
            times[event.epoch] = time.monotonic()
            if event.metrics["loss"] <= TARGET:
                reached.append(event.epoch)
                slowing.close()
            elif event.epoch == 1 and kind:
                slow = workers(os.getpid())
                slowing.enter_context(slowed_in_turn(slow if kind == "turns" else slow[-1:], factor))

        yarnml.run(document(folder, training, sizes), say=say)
    assert reached, f"{EPOCHS} epochs do not come to a loss of {TARGET}"
    return reached[0], times[reached[0]] - times[1]


def document(folder: str, training: dict[str, Any], sizes: dict[str, Any]) -> dict[str, Any]:
    data = {name: str(data_of("digits") / name) for name in ("train", "test")}
    return {
        "name": "slow-worker",
        "data": data | {"features": ["pixels"], "label": "digit", "classes": list(range(10)), "scale": "standard"},
        "learner": {"kind": "mlp", "hidden": [1024, 1024], "optimizer": OPTIMIZER},
        "training": {"epochs": EPOCHS, "batch_size": 64, "shards": 8, **training},
        "workers": {"count": 2, **sizes},
        "checkpoint": {"path": f"{folder}/job", "every": "100 epochs"},
    }
