"""A trial by local processes, and what it tells of a job's steps."""

import subprocess
import sys
import tempfile
from typing import NamedTuple

from msgspec.structs import replace

from yarnml.clusters import local
from yarnml.data.plan import Plan
from yarnml.errors import JobFileError, WorkerLost, YarnmlError
from yarnml.job.spec import Job
from yarnml.master.advice import advice
from yarnml.master.costs import EXCHANGED_NUMBERS, Costs, Machines, costs_of, slowness_by_sum, slowness_by_trial
from yarnml.master.crew import Cluster
from yarnml.master.preflight import Preflight, silent
from yarnml.master.trial import Trial, TrialReport
from yarnml.worker.affinity import available_cores

SECONDS_OF_SUMS = 120.0
"""Time that a few sums may take, with the start of their process."""


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
    machines = Machines(len(available_cores()) or 1, link)
    trial = make_trial(start.job, start.plan, start.shards, alone=bool(link))
    slowness = slowness_by_sum(_seconds_of_a_sum()) if link else slowness_by_trial(start.job, trial, machines)
    trial = trial._replace(slowness=slowness)
    costs = costs_of(start.job, trial, start.shards, machines)
    return Expectation(costs, advice(start.job, trial, start.shards, machines))


def make_trial(
    job: Job, plan: Plan, shards: int, *, alone: bool = False, cluster: Cluster = local.CLUSTER
) -> TrialReport:
    """Train some steps by all workers of a job, or by one with the shards that the busiest has.

    Where each step is a pass over all rows, every worker passes over one shard.  Raises JobFileError where no trial can
    be made.
    """
    count = min(job.workers.count, shards)
    own = 1 if job.training.rows_per_step == "full" else -(-shards // count)
    sizes = replace(job.workers, count=1 if alone else count, min=None, max=None, backups=False, max_failures=0)
    reducers = replace(job.reducers, count=0) if alone else job.reducers
    job = replace(job, workers=sizes, reducers=reducers)
    try:
        with tempfile.TemporaryDirectory() as folder, cluster.open_crew(job, folder, silent) as crew:
            try:
                return Trial(crew, job, plan, shards, own).run()
            except WorkerLost as lost:
                crew.recover(lost)  # tells which process failed and how, since none may
                raise
    except YarnmlError as exc:
        raise JobFileError(f"--trial: {exc}") from exc


def _seconds_of_a_sum() -> float:
    """Processor seconds that this machine takes for a sum, seen by a process that brings JAX, unlike this one."""
    command = [sys.executable, "-P", "-m", "yarnml.reduce.exchange_trial", str(EXCHANGED_NUMBERS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_OF_SUMS, check=True)
    except subprocess.TimeoutExpired as exc:
        raise JobFileError(f"--trial: a few sums took more than {SECONDS_OF_SUMS:.0f} s on this machine.") from exc
    except subprocess.CalledProcessError as exc:
        last = exc.stderr.strip().splitlines()[-1:]
        raise WorkerLost(f"--trial: its process ended with status {exc.returncode}: {' '.join(last)}") from exc
    return float(done.stdout)
