"""The ``evaluation:`` section: when a training is evaluated, and by what."""

from typing import Annotated, Literal

from msgspec import Meta, field

from yarnml.job.fields import Epochs, MetricName, Section

THRESHOLD = r"accuracy|balanced_accuracy|f[0-9]{1,3}(?:\.[0-9]{1,3})?"
"""Metrics by which a threshold can be chosen: those of all other ones would choose to predict one class alone."""

ThresholdMetric = Annotated[
    str,
    Meta(
        pattern=rf"^({THRESHOLD})$(?!\n)",
        description="accuracy, balanced_accuracy, f1, or f with another beta, such as f2",
    ),
]


class Evaluation(Section, frozen=True, kw_only=True):
    """``every``: so many epochs pass from one evaluation to the next; the last epoch always has one.

    ``metrics``: those to have beside the usual ones, such as ``mae``, ``log_loss`` or ``per_class``.
    ``threshold``: the metric by which the validation data choose the probability from which on a model predicts the
    second of two classes; None: it predicts the more probable one.
    ``calibration``: the function, learnt from the validation data, that makes the exported model's probabilities
    the shares in which they are true.
    ``training``: every evaluation is of the training rows, too, at the cost of one more pass over them.
    """

    every: Epochs = "1 epoch"
    metrics: list[MetricName] = field(default_factory=list)
    threshold: ThresholdMetric | None = None
    calibration: Literal["platt", "isotonic", "temperature"] | None = None
    training: bool = False

    @property
    def period(self) -> int:
        """``every`` as a number of epochs."""
        return int(self.every.split()[0])
