"""Local processes that load their libraries while the command still loads what leads their job."""

import os
from contextlib import suppress

from yarnml.clusters.spare import SPARE
from yarnml.job.base import BaseJob
from yarnml.job.spec import Job
from yarnml.worker.compile_cache import user_cache_variables
from yarnml.worker.environment import device_variables, library_variables


def common_variables(job: BaseJob) -> dict[str, str]:
    """Make the environment of all processes of a job; variables of the job file go before those of this machine."""
    vcores = job.workers.vcores
    machine = os.environ | library_variables(vcores) | user_cache_variables(vcores)
    return machine | device_variables(job.workers.gpus, 0) | job.environment.variables


def loops_of(job: BaseJob) -> str:
    """The module of the compiled loops that workers of a job run; empty for none."""
    return job.learner.LOOPS if isinstance(job, Job) else ""


def start_ahead(job: BaseJob) -> None:
    """Start the server that the processes of a job are forked from; where it can't be, opening its crew tells why."""
    with suppress(OSError):
        SPARE.start(common_variables(job), loops_of(job))
