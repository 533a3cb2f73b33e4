"""The part of a job that clusters and crews need to know, whether it trains a model or uses one."""

import re
from typing import Any, Protocol

from msgspec import to_builtins

from yarnml.errors import JobFileError
from yarnml.events.redaction import HIDDEN, map_texts, without_password
from yarnml.job.acls import Acls
from yarnml.job.fields import LARGEST_SIZE, size_in_bytes
from yarnml.job.processes import EnvironmentSpec, Master, Reducers, Workers


class BaseJob(Protocol):
    """A job as those see it who run its processes: `yarnml.job.spec.Job`, `yarnml.job.prediction.Prediction`."""

    @property
    def name(self) -> str: ...

    @property
    def workers(self) -> Workers: ...

    @property
    def reducers(self) -> Reducers: ...

    @property
    def master(self) -> Master: ...

    @property
    def queue(self) -> str: ...

    @property
    def acls(self) -> Acls: ...

    @property
    def environment(self) -> EnvironmentSpec: ...

    @property
    def folder(self) -> str:
        """The job's own folder: what it goes on from after a stop, its lease, its logs and its history."""

    @property
    def folder_field(self) -> str:
        """The field of the job file that decides the folder."""

    @property
    def shards(self) -> int:
        """The most parts that its rows are cut into, as far as the job file tells."""

    @property
    def urls(self) -> dict[str, str]:
        """Every place that the job's processes read or write, by its field."""

    @property
    def modules(self) -> list[str]:
        """The user's own modules and packages, which travel with the job."""


def places(job: BaseJob) -> dict[str, str]:
    """Every place that a job names, by its field: those of its processes, and what YARN brings to their containers."""
    return job.urls | packages(job.environment)


def packages(environment: EnvironmentSpec) -> dict[str, str]:
    """The places of the packages that YARN brings to a job's containers, by their fields."""
    named = {"environment.archive": environment.archive, "environment.pex": environment.pex}
    return {field: place for field, place in named.items() if place}


def public_document(job: BaseJob) -> dict[str, Any]:
    """A job as a mapping that may be handed on: without passwords, and without the values of its variables."""
    document: dict[str, Any] = map_texts(without_password, to_builtins(job))
    document["environment"]["variables"] = dict.fromkeys(job.environment.variables, HIDDEN)
    return document


def check_processes(job: BaseJob) -> None:
    """Refuse numbers of workers, and ways to Python, that contradict each other."""
    workers = job.workers
    low = workers.min or 1
    high = workers.max or max(workers.count, low)
    if not low <= workers.count <= high:
        raise JobFileError(
            f"workers.count must lie between workers.min ({low}) and workers.max ({high}), not {workers.count}."
        )
    _check_sizes(job)
    environment = job.environment
    given = environment.ways
    ways = [name for name in given if name != "python" or environment.archive]
    if len(ways) > 1:
        raise JobFileError(f"environment.{' and environment.'.join(ways)} both say where Python is; give one of them.")
    if environment.packages != "auto" and given:
        raise JobFileError(
            "environment.packages chooses from the active environment, which does not travel with "
            f"environment.{given[0]}; leave one of them out."
        )
    for name in environment.variables:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise JobFileError(f"environment.variables: '{name}' can't be a variable's name: letters, digits and '_'.")


def _check_sizes(job: BaseJob) -> None:
    """Refuse memory that no machine has."""
    sizes = {f"{role}.memory": getattr(job, role).memory for role in ("workers", "reducers", "master")}
    for field, size in {**sizes, "workers.cache": job.workers.cache}.items():
        if size_in_bytes(size) > LARGEST_SIZE:
            raise JobFileError(f"{field} must be at most 1024 TiB, not {size}.")
