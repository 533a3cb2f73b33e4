"""A job that evaluates a model on some rows, as the command ``yarnml evaluate`` asks for it."""

from typing import Annotated

from msgspec import Meta, field

from yarnml.job.acls import Acls
from yarnml.job.fields import LARGEST_COUNT, FormatName, MetricName, Section, Url
from yarnml.job.processes import EnvironmentSpec, Master, Reducers, Workers


class ModelEvaluation(Section, frozen=True, kw_only=True):
    """One evaluation of a stored model; a `yarnml.job.base.BaseJob`.

    ``by``: a column, for each value of which there are metrics, too.
    ``metrics``: beside those of every evaluation; empty for all that the label may have.
    ``folder``: for the logs of its processes.
    """

    model: Url
    data: Annotated[list[Url], Meta(min_length=1)]
    folder: str
    format: FormatName = "auto"
    by: str | None = None
    metrics: list[MetricName] = field(default_factory=list)
    workers: Workers = Workers()
    name: str = "evaluation"

    @property
    def reducers(self) -> Reducers:
        return Reducers()

    @property
    def master(self) -> Master:
        return Master()

    @property
    def queue(self) -> str:
        return "default"

    @property
    def acls(self) -> Acls:
        return Acls()

    @property
    def environment(self) -> EnvironmentSpec:
        return EnvironmentSpec()

    @property
    def folder_field(self) -> str:
        return "the folder for logs"

    @property
    def shards(self) -> int:
        return LARGEST_COUNT

    @property
    def urls(self) -> dict[str, str]:
        """Every place that the job reads, by the option that names it."""
        return {"MODEL": self.model, **{f"--data {n}": url for n, url in enumerate(self.data)}}

    @property
    def modules(self) -> list[str]:
        """The user's own modules: an exported model needs none."""
        return []
