"""A job that explains a stored model: a job file with the section ``explain``."""

from typing import Annotated, ClassVar

from msgspec import Meta, field

from yarnml.job.fields import LARGEST_INT, MetricName, PositiveInt
from yarnml.job.rows_job import ModelRows, RowsJob


class Explain(ModelRows, frozen=True, kw_only=True):
    """A model, the rows that it is explained on, and where the tables go.

    ``output``: a new folder.
    ``keep``: columns of the rows that stay beside their values.
    ``metric``: what importances are measured by; None for the usual one of the label.
    ``sample``: at most so many rows, spread evenly, for importances and dependences.
    ``repeats``: of a permutation.
    ``orders``: of features, where values are drawn.
    """

    keep: list[Annotated[str, Meta(min_length=1)]] = field(default_factory=list)
    metric: MetricName | None = None
    sample: Annotated[int, Meta(ge=10, le=LARGEST_INT)] = 10_000
    repeats: PositiveInt = 5
    orders: PositiveInt = 8


class ModelExplanation(RowsJob, frozen=True, kw_only=True):
    """One explanation of a stored model; a `yarnml.job.base.BaseJob`."""

    SECTION: ClassVar[str] = "explain"

    explain: Explain
