"""The evaluation of a state: on which rows, and after which epochs."""

from collections.abc import Callable, Mapping

from yarnml.control.commands import Calibrate, Command, Evaluate
from yarnml.control.reports import Calibrated, Evaluated, Report
from yarnml.data.calibration import Calibration
from yarnml.data.plan import Plan
from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.spec import Job
from yarnml.master.reports import first_of

Metrics = dict[str, float]

MAX_CALIBRATED_CLASSES = 100
"""The most classes that have a function each: workers add up 200 kB of sums for each class."""


class Evaluations:
    """The evaluations of one training.

    ``run``: has all workers carry out a command on the newest state.
    ``calibration``: of the model's outputs, once the last evaluation has fitted it.
    """

    def __init__(self, job: Job, plan: Plan, run: Callable[[Command], Mapping[int, Report]]) -> None:
        self._job = job
        self._run = run
        self.calibration: Calibration | None = None
        self._first_epoch = job.learner.passes.least if job.learner.passes else 1  # before it there is no model yet
        self._datasets = [name for name in ("validation", "test") if name in plan.datasets]
        self._of_training = ["train"] if job.evaluation.training else []
        # The newest evaluations, by dataset and step: at the end of a job the last ones are asked for again.
        self._known: dict[tuple[str, int], Metrics] = {}

    def after(self, epoch: int, step: int, converged: bool) -> Metrics:
        """Return the metrics by which a training is judged; empty after an epoch that has no evaluation."""
        due = self._is_due(epoch, converged)
        metrics = self._metrics(self._datasets[0], step) if due and self._datasets else {}
        rule = self._job.training.early_stopping
        if due and rule and rule.metric not in metrics:
            raise JobFileError(
                f"training.early_stopping.metric: the evaluation has no '{rule.metric}'; it has {', '.join(metrics)}."
            )
        return metrics

    def of_training(self, epoch: int, step: int, converged: bool) -> Metrics:
        """Return the metrics of the training rows; empty where the job does not ask, or there is no evaluation."""
        return self._metrics("train", step) if self._of_training and self._is_due(epoch, converged) else {}

    def final(self, step: int) -> dict[str, Metrics]:
        """Return the metrics of the model that will be exported, on the training data only where the job asks."""
        kind = self._job.evaluation.calibration
        if kind and self._job.export_to:
            self.calibration = first_of(self._run(Calibrate(kind)), Calibrated).calibration
            self._known = {}
        names = [*self._datasets, *self._of_training, *self._job.learner.own_evaluations]
        return {name: self._metrics(name, step) for name in names}

    def _is_due(self, epoch: int, converged: bool) -> bool:
        due = epoch % self._job.evaluation.period == 0 or epoch == self._job.training.epochs or converged
        return due and epoch >= self._first_epoch

    def _metrics(self, dataset: str, step: int) -> Metrics:
        key = dataset, step
        if key not in self._known:
            newest = {known: metrics for known, metrics in self._known.items() if known[1] == step}
            self._known = {**newest, key: first_of(self._run(Evaluate(dataset, self.calibration)), Evaluated).metrics}
        return self._known[key]


def check_calibration(job: Job, schema: Schema) -> None:
    """Refuse a calibration of what has no classes, or too many; ``schema``: with the classes that there are."""
    kind = job.evaluation.calibration
    if not kind:
        return
    if not schema.outputs:
        raise JobFileError("evaluation.calibration is for classes, and the label is a number; remove it.")
    if kind != "temperature" and schema.outputs > MAX_CALIBRATED_CLASSES:
        raise JobFileError(
            f"evaluation.calibration {kind} has a function for each class, and is for {MAX_CALIBRATED_CLASSES} "
            f"at most, not {schema.outputs}; take temperature."
        )
