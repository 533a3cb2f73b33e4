"""A trial in a process of its own, as a worker of this machine has one."""

import os
import subprocess
import sys
from typing import NamedTuple

import msgspec

from yarnml.control.codec import decoder, encode
from yarnml.control.commands import Initialize, ipc
from yarnml.control.trial import TrialOrder, TrialRefused, TrialReport
from yarnml.data.plan import Plan
from yarnml.errors import JobFileError, WorkerLost
from yarnml.job.spec import Job
from yarnml.master.advice import advice
from yarnml.master.costs import Costs, Machines, costs_of
from yarnml.master.preflight import Preflight
from yarnml.worker.affinity import available_cores
from yarnml.worker.environment import device_variables, library_variables

SECONDS = 600.0
"""Time that a trial may take, with its passes over the first shard."""

_decode = decoder(TrialReport | TrialRefused)


class Expectation(NamedTuple):
    """The costs of a job's steps, and sentences about what would make these shorter."""

    costs: Costs
    advice: list[str]

    def __str__(self) -> str:
        return "\n".join([str(self.costs), *self.advice])


def expect(start: Preflight, link: float) -> Expectation:
    """Expect the costs of a job's steps by a trial; ``link``: as in `yarnml.master.costs.Machines`."""
    if start.search:
        raise JobFileError("--trial is for one training, and this job searches; set the candidate's fields by --set.")
    trial = make_trial(start.job, start.plan, start.shards)
    machines = Machines(len(available_cores()) or 1, link)
    costs = costs_of(start.job, trial, start.shards, machines)
    return Expectation(costs, advice(start.job, trial, start.shards, machines))


def make_trial(job: Job, plan: Plan, shards: int) -> TrialReport:
    """Train some steps on the first of the shards.  Raises JobFileError where none can be made."""
    stored = {name: ipc(schema) for name, schema in plan.stored.items()}
    order = TrialOrder(Initialize(job, plan.datasets, stored, shards), plan.schema)
    variables = (
        job.environment.variables | library_variables(job.workers.vcores) | device_variables(job.workers.gpus, 0)
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "yarnml.worker.trial"],
            input=encode(order),
            capture_output=True,
            env=os.environ | variables,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise JobFileError(
            f"--trial: its few steps took more than {SECONDS:.0f} s; look at the job without it."
        ) from exc
    try:
        answer = _decode(done.stdout)
    except msgspec.DecodeError as exc:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise WorkerLost(f"--trial: its process ended with status {done.returncode}: {' '.join(last)}") from exc
    if isinstance(answer, TrialRefused):
        raise JobFileError(f"--trial: {answer.why}")
    return answer
