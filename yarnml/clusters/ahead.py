"""Local processes that load their libraries while the command still loads what leads their job."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from yarnml.clusters.spare import SPARE
from yarnml.job.processes import Workers
from yarnml.worker.compile_cache import user_cache_variables
from yarnml.worker.library_variables import device_variables, library_variables

if TYPE_CHECKING:
    from yarnml.job.base import BaseJob


def common_variables(workers: Workers, chosen: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of all processes of a job; ``chosen``: by the job file, before those of this machine."""
    vcores = workers.vcores
    machine = os.environ | library_variables(vcores) | user_cache_variables(vcores)
    return {**machine, **device_variables(workers.gpus, 0), **chosen}


def loops_of(job: "BaseJob") -> str:
    """The module of the compiled loops that workers of a job run; empty for none."""
    from yarnml.job.spec import Job  # loads much that nobody needs before the job is read

    return job.learner.LOOPS if isinstance(job, Job) else ""


def start_ahead(job: "BaseJob | None" = None) -> None:
    """Start the server that the processes of a job are forked from; where it can't be, opening its crew tells why.

    ``job``: None before it is read.  The server is that of most jobs then, and another one takes its place where a job
    wants other variables.
    """
    workers, chosen, loops = (job.workers, job.environment.variables, loops_of(job)) if job else (Workers(), {}, "")
    with suppress(OSError):
        SPARE.start(common_variables(workers, chosen), loops)
