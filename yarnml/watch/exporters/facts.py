"""The newest facts of a run, for whoever asks how it stands now.  Pure."""

import threading
from collections import Counter
from typing import TypeVar

from yarnml.events.events import (
    EpochDone,
    Event,
    Failure,
    Outcome,
    Planned,
    ProcessJoined,
    Resumed,
    SizeChanged,
    Tick,
    Waiting,
)
from yarnml.events.measurements import ProcessesMeasured, ProcessUse
from yarnml.watch.history.entries import Entry

Kind = TypeVar("Kind", bound=Event)

STATES = ("running", "done", "failed", "stopped")


class Facts:
    """The newest event of each kind, how many there were, and when; made of a run's entries as they come.

    Attributes:
        counts: the number of events of each kind.
        times: when the newest of each kind happened, in seconds since 1970.
        processes: the newest use of each process that takes part, by role and index.
        progress: when the newest step ended that no earlier one had reached, or the run began.
        started: when the run began.
        workers: that take part.
        workers_wanted: that are asked for.
    """

    def __init__(self) -> None:
        self.counts: Counter[type] = Counter()
        self.times: dict[type, float] = {}
        self.processes: dict[tuple[str, int], ProcessUse] = {}
        self.progress = 0.0
        self.started = 0.0
        self.workers = 0
        self.workers_wanted = 0
        self._lock = threading.Lock()
        self._newest: dict[type, Event] = {}
        self._step = -1

    def add(self, entry: Entry) -> None:
        """Take in an entry; any thread may do so."""
        with self._lock:
            self.started = self.started or entry.time
            self.progress = self.progress or entry.time
            self.counts[type(entry.event)] += 1
            self.times[type(entry.event)] = entry.time
            self._newest[type(entry.event)] = entry.event
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        match entry.event:
            case ProcessesMeasured(processes):
                roles = {use.role for use in processes}
                remaining = {key: use for key, use in self.processes.items() if key[0] not in roles}
                self.processes = remaining | {(use.role, use.index): use for use in processes}
            case Planned(workers=wanted) | SizeChanged("worker", _, wanted):
                self.workers_wanted = wanted
            case ProcessJoined(present, wanted) | Waiting(present, wanted):
                self.workers = present
                self.workers_wanted = wanted
            case Resumed(_, present):
                self.workers = present
            case Tick(step, workers=present):
                self.workers = present
                self._reach(step, entry.time)
            case EpochDone(step=step):
                self._reach(step, entry.time)

    def _reach(self, step: int, time: float) -> None:
        if step > self._step:
            self._step = step
            self.progress = time

    def newest(self, kind: type[Kind]) -> Kind | None:
        """The newest event of a kind; None as long as there was none."""
        event = self._newest.get(kind)
        return event if isinstance(event, kind) else None

    @property
    def state(self) -> str:
        """One of `STATES`."""
        failure = self.newest(Failure)
        if failure:
            return "stopped" if failure.error == "Interrupted" else "failed"
        return "done" if self.newest(Outcome) else "running"

    @property
    def metrics(self) -> dict[tuple[str, str], float]:
        """The newest metrics, by the part of the data and their name, without those of single classes."""
        outcome = self.newest(Outcome)
        epoch = self.newest(EpochDone)
        parts = (
            outcome.metrics if outcome else {"evaluation": epoch.metrics, "training": epoch.training} if epoch else {}
        )
        return {(part, name): v for part, values in parts.items() for name, v in values.items() if "[" not in name}
