"""One state for all workers: a worker that was lost, has come or fell behind must not leave them with different ones.

All workers hold the same state after the same step, so the one that is furthest can give it to the others.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from yarnml.control.commands import Command, Initialize, ReportPosition, SyncState
from yarnml.control.holders import Holders, KeptPart
from yarnml.control.reports import Report, Saved, StatePosition, Trained
from yarnml.data.schema import Schema
from yarnml.errors import OwnerLost, WorkerLost
from yarnml.events.events import Listener, Resumed
from yarnml.master.crew import Crew
from yarnml.master.membership.failure_policy import ExitKind
from yarnml.reduce.placement import place_parts


class StateLost(Exception):
    """Nobody has the newest state any more, a part of its table, or the residual of a shard."""


class StateSync:
    """A crew that is brought to one state after every change.

    ``schema``: of the state; None before it is built, when there is nothing to give to others.
    ``parts``: of the state's table, and the processes that keep them, if others than all workers do.

    Args:
        begin: the training, for workers that come later.
        on_saved: hears of checkpoints that workers have written beside the training, during every command.
    """

    def __init__(self, crew: Crew, begin: Initialize, on_saved: Callable[[Saved], None], say: Listener) -> None:
        self._crew = crew
        self._begin = begin
        self._on_saved = on_saved
        self._say = say
        self.schema: Schema | None = None
        self.parts: list[Holders] = []
        self._has_residuals = begin.job.training.gradients == "top_k"

    @property
    def time_limit(self) -> str:
        """See `yarnml.master.crew.Crew`."""
        return self._crew.time_limit

    def run(self, command: Command, step: int) -> Mapping[int, Report]:
        """Have all workers carry out a command on the state after ``step``, again after a loss."""
        while True:
            try:
                return self.attempt(command)
            except WorkerLost as lost:
                self.regroup(lost, step, step)

    def attempt(self, command: Command) -> Mapping[int, Report]:
        """Have all workers carry out a command, once; raises WorkerLost where the workers must be regrouped first."""
        return self._crew.run(command, self._begin.shards, self._on_saved)

    def regroup(self, lost: WorkerLost | None, low: int, high: int) -> StatePosition:
        """Bring all workers to the newest state after steps ``low`` … ``high`` that one of them has; else StateLost."""
        while True:
            try:
                if lost:
                    self._crew.recover(lost)
                reports = self.attempt(ReportPosition(self._begin.folder, has_owners=bool(self.parts)))
                return self._sync(newest(reports, low, high), reports)
            except WorkerLost as again:
                lost = again

    def admit(self, step: int) -> None:
        """Take in newcomers, if there are any, and give them the state after ``step``."""
        if self._crew.admit():
            self.regroup(None, step, step)

    def _sync(self, source: tuple[int, StatePosition] | None, reports: Mapping[int, Report]) -> StatePosition:
        """Have all workers take the state of one, as far as they have another.

        The parts of its table and the residuals of shards go to the same step.
        """
        if source is None or self.schema is None:
            raise StateLost
        worker, state = source
        address = self._crew.peer(worker)
        kept = kept_of(reports)
        keepers = keepers_of(self.parts, kept, state.step)
        holders = residual_holders(reports, state.step)
        if self._has_residuals and state.step > 0 and len(holders) < self._begin.shards:
            raise StateLost
        if not all(keepers):
            raise StateLost
        if keepers:
            workers = {
                self._crew.peer(worker) for worker in reports
            }  # who may have kept parts while there was no reducer
            addresses = [address for address in kept if address not in workers] or list(kept)
            own = [[address for address in keeping if address in addresses] for keeping in keepers]
            self.parts = place_parts(own, addresses, self._begin.job.reducers.followers)
        position = state.step, state.loss, state.weight
        residuals = {shard: self._crew.peer(holder) for shard, holder in holders.items()}
        sync = SyncState(self._begin, self.schema, *position, worker, address, self.parts, keepers, residuals)
        try:
            reports = self.attempt(sync)
        except OwnerLost as lost:
            raise StateLost from lost
        self._say(Resumed(state.step, len(reports)))
        return state

    def compare(self, reports: Mapping[int, Report], step: int) -> None:
        """Raise StateLost where the states after ``step`` differ.

        A worker with a wrong state must go, but that is not enough: its sums have reached all others.
        """
        trained = {w: r for w, r in reports.items() if isinstance(r, Trained)}
        if sentence := next((r.differing for r in trained.values() if r.differing), ""):
            self._crew.recover(WorkerLost(sentence))
            raise StateLost
        digests = {w: r.digest for w, r in trained.items()}
        wrong = differing(digests)
        if wrong is None:
            names = ", ".join(f"worker {w}" for w in digests)
            self._crew.recover(WorkerLost(f"After step {step} the states of {names} differ"))
            raise StateLost
        if wrong:
            self._crew.remove(wrong, ExitKind.WRONG_STATE, f"had another state than the others after step {step}")
            raise StateLost


def newest(reports: Mapping[int, Report], low: int, high: int) -> tuple[int, StatePosition] | None:
    """Find the worker that is furthest between two steps, the first of equal ones, and its position.

    A state beyond these steps is of no use.
    """
    positions = {w: r for w, r in reports.items() if isinstance(r, StatePosition) and low <= r.step <= high}
    if not positions:
        return None
    worker = max(positions, key=lambda w: (positions[w].step, -w))
    return worker, positions[worker]


def kept_of(reports: Mapping[int, Report]) -> dict[str, list[KeptPart]]:
    """The parts that processes keep, by address, as the worker that leads has found."""
    positions = [report for report in reports.values() if isinstance(report, StatePosition)]
    return next((position.kept for position in positions if position.kept), {})


def keepers_of(parts: Sequence[Holders], kept: Mapping[str, Sequence[KeptPart]], step: int) -> list[list[str]]:
    """For each part, the processes that have its rows after a step or can go back to it, its owner first.

    In an asynchronous round those that have most of what came since.
    """
    keepers: list[list[str]] = []
    for number, part in enumerate(parts):
        order = [*part.addresses, *(address for address in kept if address not in part.addresses)]
        own = {a: k for a in order for k in kept.get(a, []) if k.number == number and step in k.steps}
        newest = max((k.pushed for k in own.values()), default=0)
        keepers.append([address for address, k in own.items() if k.pushed == newest])
    return keepers


def residual_holders(reports: Mapping[int, Report], step: int) -> dict[int, int]:
    """By shard, a worker that has its residual before a step; without those shards whose residual is lost."""
    return {
        shard: worker
        for worker, report in reports.items()
        if isinstance(report, StatePosition)
        for shard, steps in report.residuals.items()
        if step in steps
    }


def differing(digests: Mapping[int, str]) -> list[int] | None:
    """Find the workers whose state is not that of most; None where there is no majority."""
    right, count = Counter(digests.values()).most_common(1)[0]
    return [w for w, digest in digests.items() if digest != right] if 2 * count > len(digests) else None
