"""What adds up over a job: its seconds by phase, the loss of the epoch, the tasks that its steps were made of."""

import time
from collections.abc import Mapping, Sequence
from statistics import fmean

from yarnml.control.reports import StatePosition, Trained


class TrainingStats:
    """Begins with the job.  ``loss`` and ``weight``: sums over the training rows of this epoch so far."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.loss = self.weight = 0.0
        self.tasks = 0
        self.converged = False  # the learner has nothing more to learn

    def mark(self, what: str) -> None:
        """Note the seconds until ``what`` was done for the first time."""
        self.seconds.setdefault(f"until_{what}", time.monotonic() - self._began)

    def end(self) -> None:
        self.seconds["total"] = time.monotonic() - self._began

    def trained(self, reports: Sequence[Trained]) -> None:
        """A round is done."""
        report = reports[0]
        self.seconds.setdefault("until_updated", time.monotonic() - self._began - report.after_first)
        self.stand(report)
        self.converged = report.done
        for phase, seconds in phases([report.seconds for report in reports]).items():
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def stand(self, there: Trained | StatePosition) -> None:
        """The epoch's sums are those of this worker, as of all."""
        self.loss, self.weight = there.loss, there.weight

    def begin_epoch(self) -> None:
        self.loss = self.weight = 0.0


def phases(workers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Where the time of a round went, on the average of its workers.

    Who comes late to an exchange has the shortest one; what it takes the others longer is their wait for it.
    """
    mean = {phase: fmean(worker[phase] for worker in workers) for phase in workers[0]}
    exchange = min(worker["exchange"] for worker in workers)
    return mean | {"exchange": exchange, "wait": mean["exchange"] - exchange}
