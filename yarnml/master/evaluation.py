"""How good a state is, on which rows, and after which epochs that is asked."""

from collections.abc import Callable, Mapping

from yarnml.control.commands import Command, Evaluate
from yarnml.control.reports import Evaluated, Report
from yarnml.data.plan import Plan
from yarnml.errors import JobFileError
from yarnml.job.spec import Job
from yarnml.master.reports import first_of

Metrics = dict[str, float]


class Evaluations:
    """Of one training.  ``run``: has all workers carry out a command on the newest state."""

    def __init__(self, job: Job, plan: Plan, run: Callable[[Command], Mapping[int, Report]]) -> None:
        self._job, self._run_command = job, run
        self._datasets = [name for name in ("validation", "test") if name in plan.datasets]
        self._known: dict[tuple[str, int], Metrics] = {}  # of the newest state that was asked for

    def after(self, epoch: int, step: int, converged: bool) -> Metrics:
        """What tells how the training goes; empty after an epoch that has no evaluation."""
        due = epoch % self._job.evaluation.period == 0 or epoch == self._job.training.epochs or converged
        metrics = self._of(self._datasets[0], step) if due and self._datasets else {}
        rule = self._job.training.early_stopping
        if due and rule and rule.metric not in metrics:
            raise JobFileError(
                f"training.early_stopping.metric: the evaluation has no '{rule.metric}'; it has {', '.join(metrics)}."
            )
        return metrics

    def final(self, step: int) -> dict[str, Metrics]:
        """Of the model that will be exported, on everything but the training data."""
        return {name: self._of(name, step) for name in self._datasets}

    def forget(self) -> None:
        """Steps are done again."""
        self._known = {}

    def _of(self, dataset: str, step: int) -> Metrics:
        known = dataset, step
        if known not in self._known:
            self._known = {known: first_of(self._run_command(Evaluate(dataset)), Evaluated).metrics}
        return self._known[known]
