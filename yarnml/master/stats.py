"""Statistics of a job: its seconds by phase, the loss of the epoch, the tasks that its steps were made of."""

import time
from collections.abc import Mapping, Sequence
from statistics import fmean

from yarnml.control.reports import StatePosition, Trained
from yarnml.control.staleness import Staleness
from yarnml.events.measurements import RoundMeasured, TrainingMeasured


class TrainingStats:
    """Counts from the start of a job on.

    ``seconds``: by phase of the steps, and from the start until the job was planned, built, …
    ``loss``, ``weight``: sums over the training rows of this epoch so far.
    ``staleness``: of the sums of asynchronous rounds.
    ``tasks``: how many the steps were made of, those of steps that were begun again among them.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.loss = 0.0
        self.weight = 0.0
        self.tasks = 0
        self.staleness = Staleness()

    def mark(self, milestone: str) -> None:
        """Note the seconds until ``milestone`` was reached for the first time."""
        self.seconds.setdefault(f"until_{milestone}", time.monotonic() - self._began)

    def end(self) -> None:
        """Note the seconds of the whole job."""
        self.seconds["total"] = time.monotonic() - self._began

    def add_round(self, reports: Sequence[Trained]) -> None:
        """Count a round that is done; ``reports``: of its workers, one at least."""
        report = reports[0]
        self.seconds.setdefault("until_updated", time.monotonic() - self._began - report.after_first)
        self.take_sums(report)
        for own in reports:
            self.staleness += own.staleness or Staleness()
        for phase, seconds in phases([report.seconds for report in reports]).items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def measured(self, position: int, rows: int, workers: int) -> TrainingMeasured:
        """Tell the counters so far.  ``position``: finished steps; ``rows``: that these covered."""
        return TrainingMeasured(position, rows, workers, dict(self.seconds), self.tasks)

    def take_sums(self, worker: Trained | StatePosition) -> None:
        """Set the epoch's sums to those of a worker: all workers at a step have the same ones."""
        self.loss = worker.loss
        self.weight = worker.weight

    def begin_epoch(self) -> None:
        self.loss = 0.0
        self.weight = 0.0


def phases(workers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average the phases of a round over its workers, and tell the wait for the slowest from the all-reduce.

    The last worker to arrive at an all-reduce has the shortest one; what it takes longer on the others is their wait.
    """
    mean = {phase: fmean(worker[phase] for worker in workers) for phase in workers[0]}
    exchange = min(worker["exchange"] for worker in workers)
    return mean | {"exchange": exchange, "wait": mean["exchange"] - exchange}


def round_measured(first: int, last: int, workers: Mapping[int, Mapping[str, float]]) -> RoundMeasured:
    """Tell the phases of the steps ``first`` … ``last`` - 1, by worker.

    What a worker's exchange takes longer than the shortest one is its wait for the slowest worker, as in `phases`.
    """
    exchange = min(seconds["exchange"] for seconds in workers.values())
    rows = [{**seconds, "exchange": exchange, "wait": seconds["exchange"] - exchange} for seconds in workers.values()]
    columns = {phase: [float(f"{row[phase]:.4g}") for row in rows] for phase in rows[0]}
    return RoundMeasured(first, last, list(workers), columns)
