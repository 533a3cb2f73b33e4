"""A job that evaluates a stored model: a job file with the section ``evaluate``."""

from typing import ClassVar

from msgspec import field

from yarnml.job.fields import MetricName
from yarnml.job.rows_job import ModelRows, RowsJob


class Evaluate(ModelRows, frozen=True, kw_only=True):
    """A model, rows with labels, and where its metrics go.

    ``output``: a new JSON file.
    ``by``: a column, for each value of which there are metrics, too.
    ``metrics``: beside those of every evaluation; empty for all that the label may have.
    """

    by: str | None = None
    metrics: list[MetricName] = field(default_factory=list)


class ModelEvaluation(RowsJob, frozen=True, kw_only=True):
    """One evaluation of a stored model; a `yarnml.job.base.BaseJob`."""

    SECTION: ClassVar[str] = "evaluate"

    evaluate: Evaluate
