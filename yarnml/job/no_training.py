"""The common part of jobs that train nothing."""

from typing import Annotated

from msgspec import Meta

from yarnml.events.redaction import hide, hide_passwords
from yarnml.job.acls import Acls
from yarnml.job.base import packages
from yarnml.job.fields import LARGEST_COUNT, Name, Section
from yarnml.job.processes import EnvironmentSpec, Master, Reducers, Workers


class NoTraining(Section, frozen=True, kw_only=True):
    """A job that trains nothing, the same for every backend; the base of a `yarnml.job.base.BaseJob`."""

    name: Name
    workers: Workers = Workers()
    master: Master = Master()
    queue: Annotated[str, Meta(min_length=1)] = "default"
    acls: Acls = Acls()
    environment: EnvironmentSpec = EnvironmentSpec()

    def __post_init__(self) -> None:
        """Hide the job's secrets in every process that reads it."""
        hide(self.environment.variables.values())
        hide_passwords([*self.urls.values(), *packages(self.environment).values()])

    @property
    def urls(self) -> dict[str, str]:
        """Every place that the job reads or writes, by the field or option that names it."""
        raise NotImplementedError

    @property
    def reducers(self) -> Reducers:
        """The workers add up what little there is to add."""
        return Reducers()

    @property
    def shards(self) -> int:
        """No bound: any number of workers may help."""
        return LARGEST_COUNT

    @property
    def modules(self) -> list[str]:
        """The user's own modules: they belong to a learner."""
        return list(self.environment.files)
