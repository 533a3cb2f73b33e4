"""Cost of safety when nothing goes wrong: digests, backup tasks, history, checkpoints, onlookers, as ratios.

The bare steps are one assignment: states are not compared, no checkpoint is kept, and late tasks are not looked for.
What a history costs is too little for a difference of times, so its seconds are counted where they pass.
"""

import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, ClassVar

from benchmarks import workloads
from benchmarks.measure import interleaved, spread, table
from benchmarks.onlookers import onlookers
from benchmarks.step import Engine
from benchmarks.workloads import Workload, job
from yarnml.clusters.local import CLUSTER, open_crew
from yarnml.errors import Interrupted
from yarnml.events.events import EpochDone, Event
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.master import recording
from yarnml.runner import train
from yarnml.watch.history.recorder import Recorder

BARE = "the bare steps"
USUAL = "backups, digests, history"
WATCHED = "without checkpoints, 100 who look at its page"
WHOLE = (
    (USUAL, 100_000, 0),
    ("the same, a checkpoint every round", 1, 0),
    (WATCHED, 100_000, 100),
)
"""Jobs by name: epochs between checkpoints, and browsers that have their page open, with metrics for Prometheus."""

BLOCK_SECONDS = 300.0  # the longest that a block of steps may take


class TimedRecorder(Recorder):
    """A recorder of a job's history that counts its own time."""

    newest: ClassVar[dict[str, "TimedRecorder"]] = {}  # by the folder of their job

    def __init__(self, folder: str, *args: Any) -> None:
        super().__init__(folder, *args)
        self._waited = 0.0
        self.newest[folder] = self

    def add(self, event: Event) -> None:
        start = time.perf_counter()
        super().add(event)
        self._waited += time.perf_counter() - start

    @property
    def seconds(self) -> float:
        """The time that the job has waited for it, and the processor time of the thread that writes."""
        assert self._thread.ident
        return self._waited + time.clock_gettime(time.pthread_getcpuclockid(self._thread.ident))


class Whole:
    """A job as a user runs it, held between blocks of epochs; each call lets one block through.

    ``shares``: the seconds of its history as shares of those of each block.
    """

    def __init__(self, spec: dict[str, Any], epochs: int) -> None:
        self.shares: list[float] = []
        self._epochs = epochs
        self._folder = spec["checkpoint"]["path"]
        self._done = 0
        self._go = threading.Semaphore(0)
        self._reached = threading.Semaphore(0)
        self._over = False
        self._thread = threading.Thread(target=self._train, args=(load_job(spec),), daemon=True)
        self._thread.start()
        self._pass()  # the first block has the compiler in it

    def __call__(self) -> float:
        recorder = TimedRecorder.newest[self._folder]
        before = recorder.seconds
        seconds = self._pass()
        self.shares.append((recorder.seconds - before) / seconds)
        return seconds

    def _pass(self) -> float:
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
        taken = interleaved(peers, rounds)
        table(taken, steps, BARE)
        print("  onlookers, beside the same job without them:")
        table({name: taken[name] for name in (USUAL, WATCHED)}, steps, USUAL)
        shares = [100 * share for share in peers[USUAL].shares]
        print(f"  the history's share of a step's time: {spread(shares, ' %')}, in {len(shares)} blocks")


def main(rounds: int = 5) -> None:
    """Cost of digests, backup tasks, history, checkpoints and onlookers when nothing goes wrong."""
    recording.Recorder = TimedRecorder  # type: ignore[misc]
    measure(workloads.SMALL, 10, rounds)
    measure(workloads.LARGE, 2, rounds)
