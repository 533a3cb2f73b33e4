"""One state for everybody: who was lost, has come or fell behind must not leave the workers with different ones.

All workers hold the same state after the same step, so whoever is furthest can give it to the others.
"""

from collections import Counter
from collections.abc import Mapping

from yarnml.control.commands import Command, Initialize, ReportPosition, SyncState
from yarnml.control.reports import Report, StatePosition, Trained
from yarnml.data.schema import Schema
from yarnml.errors import WorkerLost
from yarnml.events.events import Listener, Resumed
from yarnml.master.crew import Crew
from yarnml.master.membership.failure_policy import ExitKind


class StateLost(Exception):
    """No worker has the newest state any more."""


class StateSync:
    """A crew that is brought to one state after every change.  ``schema``: of the state, None before it is built."""

    def __init__(self, crew: Crew, begin: Initialize, say: Listener) -> None:
        self._crew, self._begin, self._say = crew, begin, say
        self.schema: Schema | None = None

    def run(self, command: Command, step: int) -> Mapping[int, Report]:
        """Have all workers carry out a command on the state after ``step``, again after a loss."""
        while True:
            try:
                return self._crew.run(command, self._begin.shards)
            except WorkerLost as lost:
                self.regroup(lost, step, step)

    def regroup(self, lost: WorkerLost | None, low: int, high: int) -> StatePosition:
        """Bring everybody to the newest state after steps ``low`` … ``high`` that somebody has; else StateLost."""
        while True:
            try:
                if lost:
                    self._crew.recover(lost)
                return self._catch_up(newest(self._stand(), low, high))
            except WorkerLost as again:
                lost = again

    def _stand(self) -> Mapping[int, Report]:
        return self._crew.run(ReportPosition(self._begin.folder), self._begin.shards)

    def _catch_up(self, source: tuple[int, StatePosition] | None) -> StatePosition:
        """Have all workers take the state of one, as far as they have another."""
        if source is None or self.schema is None:
            raise StateLost
        worker, there = source
        at = there.step, there.loss, there.weight
        command = SyncState(self._begin, self.schema, *at, worker, self._crew.peer(worker))
        reports = self._crew.run(command, self._begin.shards)
        self._say(Resumed(there.step, len(reports)))
        return there

    def compare(self, reports: Mapping[int, Report], step: int) -> None:
        """All states must be the same.  A wrong one has spoilt the sums of this round for everybody: StateLost."""
        digests = {w: r.digest for w, r in reports.items() if isinstance(r, Trained)}
        wrong = differing(digests)
        if wrong is None:
            names = ", ".join(f"worker {w}" for w in digests)
            self._crew.recover(WorkerLost(f"After step {step} the states of {names} differ"))
            raise StateLost
        if wrong:
            self._crew.remove(wrong, ExitKind.WRONG_STATE, f"had another state than the others after step {step}")
            raise StateLost


def newest(reports: Mapping[int, Report], low: int, high: int) -> tuple[int, StatePosition] | None:
    """The worker that is furthest between two steps, and how far that is; a state beyond them is of no use."""
    found = [(r.step, -w, r) for w, r in reports.items() if isinstance(r, StatePosition) and low <= r.step <= high]
    _, worker, there = max(found, key=lambda f: f[:2], default=(-1, 0, None))
    return (-worker, there) if there else None


def differing(digests: Mapping[int, str]) -> list[int] | None:
    """The workers whose state is not that of most; None where there is no majority."""
    right, count = Counter(digests.values()).most_common(1)[0]
    return [w for w, digest in digests.items() if digest != right] if 2 * count > len(digests) else None
