"""A job that explains a model on some rows, as the command ``yarnml explain`` asks for it."""

from typing import Annotated

from msgspec import Meta, field

from yarnml.job.fields import LARGEST_INT, MetricName, PositiveInt, Url
from yarnml.job.on_model import OnModel
from yarnml.storage import atomic


class ModelExplanation(OnModel, frozen=True, kw_only=True):
    """One explanation of a stored model; a `yarnml.job.base.BaseJob`.

    ``output``: a new folder.  ``keep``: columns of the rows that stay beside their values.
    ``metric``: what importances are measured by; None for the usual one of the label.
    ``sample``: at most so many rows, spread evenly, for importances and dependences.  ``repeats``: of a permutation.
    ``orders``: of features, where values are drawn.
    """

    output: Url
    keep: list[str] = field(default_factory=list)
    metric: MetricName | None = None
    sample: Annotated[int, Meta(ge=10, le=LARGEST_INT)] = 10_000
    repeats: PositiveInt = 5
    orders: PositiveInt = 8
    name: str = "explanation"

    @property
    def target(self) -> str:
        return self.output.rstrip("/")

    @property
    def draft(self) -> str:
        """A hidden folder beside the output, where its files are until all are there."""
        parent, _, name = self.target.rpartition("/")
        return atomic.hidden(parent, f"explain-{name}")
