"""A job that evaluates a model on some rows, as the command ``yarnml evaluate`` asks for it."""

from msgspec import field

from yarnml.job.fields import MetricName
from yarnml.job.on_model import OnModel


class ModelEvaluation(OnModel, frozen=True, kw_only=True):
    """One evaluation of a stored model; a `yarnml.job.base.BaseJob`.

    ``by``: a column, for each value of which there are metrics, too.
    ``metrics``: beside those of every evaluation; empty for all that the label may have.
    """

    by: str | None = None
    metrics: list[MetricName] = field(default_factory=list)
    name: str = "evaluation"
