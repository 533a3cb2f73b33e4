"""The common part of jobs that commands ask for about a stored model."""

from typing import Annotated

from msgspec import Meta

from yarnml.job.acls import Acls
from yarnml.job.fields import LARGEST_COUNT, FormatName, Section, Url
from yarnml.job.processes import EnvironmentSpec, Master, Reducers, Workers


class OnModel(Section, frozen=True, kw_only=True):
    """A stored model and rows for it; the base of a `yarnml.job.base.BaseJob`.

    ``folder``: for the logs of its processes.
    """

    model: Url
    data: Annotated[list[Url], Meta(min_length=1)]
    folder: str
    format: FormatName = "auto"
    workers: Workers = Workers()

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
