"""A trial: the first steps of a training by a crew, which show what a step of it costs.  Nothing is stored."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from yarnml.control.commands import Build, FitScaling, Initialize, Train, ipc
from yarnml.control.reports import Built, SumSize, Trained
from yarnml.data.plan import Plan
from yarnml.job.spec import Job
from yarnml.master.crew import Crew
from yarnml.master.reports import all_of, first_of, surveyed

SECONDS = 2.0
"""Time that the steps take which are measured, about."""

WARM_STEPS = 24
"""Steps before those that are measured, about: the compiler is in the first one, and all take memory that later ones
have (the network of ``python -m benchmarks step``: 390 ms, 115 ms after 3 steps, 65 ms after 20)."""

WARM_SECONDS = 5.0
"""Time after which no more of them are begun."""

LARGEST_WARM_ROUND = 8

MAX_STEPS = 200

FEW_STEPS = 10
"""Fewer tell little, since a round's first and last step are unlike the others; so many are made in `MAX_SECONDS`."""

MAX_SECONDS = 20.0


class TrialReport(NamedTuple):
    """Facts of the steps of a trial.

    ``parameters``: numbers in the model.  ``steps``: of one epoch.  ``numbers``: of a worker's sums, by which their
    route is chosen, and ``sum_bytes``: that these take.
    ``seconds``: by phase of a step, to read and compute for one shard, of the worker that computes longest: the others
    wait for it.
    ``memory``: the most bytes that a worker had.
    ``workers``: that made the trial, on one machine; ``own``: shards of each; ``delay``: of its job, where
    there is an exchange.
    ``slowness``: the time that this machine takes for an exchange, as a multiple of what a model says.
    """

    parameters: int
    steps: int
    numbers: int
    sum_bytes: int
    seconds: dict[str, float]
    memory: int
    workers: int = 1
    own: int = 1
    delay: int = 0
    slowness: float = 1.0


class Trial:
    """The commands that a crew is given.

    ``shards``: into which the training data is cut.
    ``own``: that each worker has in a step, of which nobody has any others.
    """

    def __init__(self, crew: Crew, job: Job, plan: Plan, shards: int, own: int) -> None:
        stored = {name: ipc(schema) for name, schema in plan.stored.items()}
        self._begin = Initialize(job, plan.datasets, stored, shards)
        self._schema = plan.schema
        self._crew = crew
        self._workers = min(job.workers.count, shards)
        self._own = own
        self._shards = min(shards, self._workers * own)

    def run(self) -> TrialReport:
        """Train the steps, and tell what they cost.  Raises YarnmlError where a whole job would, too."""
        job = self._begin.job
        few = self._workers  # shards: one of each worker suffices to learn what the schema lacks
        self._crew.run(self._begin, few)
        schema = surveyed(self._schema, lambda survey: self._crew.run(survey, few))
        if job.scales or schema.label_scale != "none":
            self._crew.run(FitScaling(schema), few)
        built = first_of(self._crew.run(Build(schema), self._shards), Built)
        first, step = self._warm_up()
        count = count_of_steps(step)
        reports = self._train(first, first + count)
        slowest = max(reports, key=lambda report: report.seconds["compute"])
        seconds = {phase: spent / count for phase, spent in slowest.seconds.items()}
        seconds |= {phase: seconds[phase] / self._own for phase in ("read", "compute")}
        size = next((report.sum_size for report in reports if report.sum_size), SumSize(0, 0))
        memory = max(report.memory for report in reports)
        about_sums = size.numbers, size.bytes
        delay = job.training.delay if self._workers > 1 else 0
        return TrialReport(built.parameters, built.steps, *about_sums, seconds, memory, self._workers, self._own, delay)

    def _warm_up(self) -> tuple[int, float]:
        """Train steps that are not measured: their number, and the seconds of one of the last."""
        began = time.monotonic()
        self._train(0, 1)
        done = 1
        size = 1
        while True:
            reports = self._train(done, done + size)
            done += size
            if done >= WARM_STEPS or time.monotonic() - began > WARM_SECONDS:
                return done, max(sum(report.seconds.values()) for report in reports) / size
            size = min(2 * size, LARGEST_WARM_ROUND)

    def _train(self, first: int, last: int) -> Sequence[Trained]:
        return all_of(self._crew.run(Train(first, last), self._shards), Trained)


def count_of_steps(seconds: float) -> int:
    """The steps that are measured, where one takes so many seconds."""
    step = max(seconds, 1e-6)
    return max(1, min(MAX_STEPS, int(max(SECONDS / step, min(FEW_STEPS, MAX_SECONDS / step)))))
