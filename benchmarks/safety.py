"""Cost of safety when nothing goes wrong: digests, backup tasks, history, checkpoints, onlookers, as ratios.

The bare steps are one assignment: states are not compared, no checkpoint is kept, and late tasks are not looked for.
"""

import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.measure import interleaved, table
from benchmarks.onlookers import onlookers
from benchmarks.step import Engine
from benchmarks.workloads import Workload, job
from yarnml.clusters.local import CLUSTER, open_crew
from yarnml.errors import Interrupted
from yarnml.events.events import EpochDone, Event
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.runner import train

BARE = "the bare steps"
WHOLE = (
    ("backups, digests, history", 100_000, 0),
    ("the same, a checkpoint every round", 1, 0),
    ("without checkpoints, 100 who look at its page", 100_000, 100),
)
"""Jobs by name: epochs between checkpoints, and browsers that have their page open, with metrics for Prometheus."""

BLOCK_SECONDS = 300.0  # the longest that a block of steps may take


class Whole:
    """A job as a user runs it, held between blocks of epochs; each call lets one block through."""

    def __init__(self, spec: dict[str, Any], epochs: int) -> None:
        self._epochs = epochs
        self._done = 0
        self._go = threading.Semaphore(0)
        self._reached = threading.Semaphore(0)
        self._over = False
        self._thread = threading.Thread(target=self._train, args=(load_job(spec),), daemon=True)
        self._thread.start()
        self()  # the first block has the compiler in it

    def __call__(self) -> float:
        start = time.perf_counter()
        self._go.release()
        assert self._reached.acquire(timeout=BLOCK_SECONDS), "the job does not get on"
        return time.perf_counter() - start

    def _train(self, spec: Job) -> None:
        with suppress(Interrupted):
            train(spec, CLUSTER, say=self._say)

    def _say(self, event: Event) -> None:
        if not isinstance(event, EpochDone):
            return
        if self._done % self._epochs == 0:
            if self._done:
                self._reached.release()
            self._go.acquire()
            if self._over:
                raise KeyboardInterrupt
        self._done += 1

    def close(self) -> None:
        """End the job as Ctrl-C does."""
        self._over = True
        self._go.release()
        self._thread.join()


def measure(workload: Workload, epochs: int, rounds: int) -> None:
    steps = epochs * workload.rows // workload.batch
    print(f"safety, {workload.name}: {steps} steps with {epochs} rounds")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:

        def spec(name: str, **sections: Any) -> dict[str, Any]:
            fields = job(workload, Path(folder) / name, **sections)
            fields["training"] = fields["training"] | {"epochs": 100_000}
            return fields

        bare = spec("bare")
        bare["workers"] = bare["workers"] | {"backups": False}
        crew = stack.enter_context(open_crew(load_job(bare), f"{folder}/bare", lambda event: None))
        peers = {BARE: Engine(crew, load_job(bare), steps)}
        for name, every, looking in WHOLE:
            place = f"{folder}/every-{every}-{looking}"
            monitor = {"port": 0} if looking else {}
            sections = {"checkpoint": {"path": place, "every": f"{every} epochs"}, "monitor": monitor}
            whole = Whole(spec(f"every-{every}-{looking}", **sections), epochs)
            peers[name] = whole
            if looking:
                stack.enter_context(onlookers(place, looking))
            stack.callback(whole.close)
        table(interleaved(peers, rounds), steps, BARE)


def main(rounds: int = 7) -> None:
    """Cost of digests, backup tasks and checkpoints when nothing goes wrong."""
    measure(workloads.SMALL, 10, rounds)
    measure(workloads.LARGE, 2, rounds)
