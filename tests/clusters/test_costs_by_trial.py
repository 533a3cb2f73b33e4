"""A trial: what some steps by a crew tell of a training."""

from typing import Any

import pytest

from yarnml.clusters import inline
from yarnml.clusters.trial import expect, make_trial
from yarnml.data.plan import make_plan
from yarnml.errors import JobFileError
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.master.preflight import look_ahead
from yarnml.master.trial import TrialReport, count_of_steps
from yarnml.reduce.keyed import PLACES

SHARDS = 4
PARAMETERS = 65 * 16 + 17 * 10


def trial_of(job: Job) -> TrialReport:
    return make_trial(job, make_plan(job), SHARDS, alone=True, cluster=inline.CLUSTER)


def job_with(fields: dict[str, Any], **training: Any) -> Job:
    size = {"epochs": 2, "batch_size": 160, "micro_batch_size": None}
    return load_job(fields | {"learner": {"kind": "mlp", "hidden": [16]}, "training": {**size, **training}})


@pytest.mark.parametrize(
    ("training", "size"),
    [
        ({}, 4 * PARAMETERS),
        pytest.param({"gradients": "int8"}, 264 * 5, marks=pytest.mark.breadth),
        ({"gradients": "int4"}, 136 * 5),
        ({"gradients": "top_k"}, 8 * 13),
    ],
    ids=str,
)
def test_what_travels(digits_job: dict[str, Any], training: dict[str, Any], size: int) -> None:
    """The numbers and bytes are those of one shard's sums: a gradient as the job sends it, the loss and the weight."""
    report = trial_of(job_with(digits_job | {"workers": {"count": SHARDS}}, **training))
    assert report.parameters == PARAMETERS
    assert report.steps == 9
    assert report.sum_bytes == size + 8
    numbers = {"top_k": PLACES, "int8": 256 * 5, "int4": 256 * 5}
    assert report.numbers == numbers.get(training.get("gradients", ""), PARAMETERS) + 2
    assert set(report.seconds) == {"read", "compute", "exchange", "update"}
    assert report.memory > 10**7
    assert (report.workers, report.own) == (1, 1)


def test_a_job_that_fails(digits_job: dict[str, Any]) -> None:
    """A trial ends in the sentence of the job's error."""
    job = load_job(digits_job | {"learner": {"kind": "cnn", "channels": [4]}})
    with pytest.raises(JobFileError, match=r"--trial: .*data\.shape"):
        trial_of(job)


@pytest.mark.long
def test_a_trial_by_all_workers(digits_job: dict[str, Any]) -> None:
    """On this machine the job's own processes make the steps, each with its shards, and these cost what they took."""
    job = job_with(digits_job, shards=SHARDS)
    start = look_ahead(job)
    report = make_trial(job, start.plan, SHARDS)
    assert (report.workers, report.own) == (2, 2)
    costs, _ = expect(start, 0.0)
    assert costs.step == pytest.approx(sum(costs.phases.values()))
    assert costs.phases["exchange"] > 0


@pytest.mark.parametrize(
    ("seconds", "count"), [(0.0, 200), (0.005, 200), (0.05, 40), (0.5, 10), (3.0, 6), (60.0, 1), (1e9, 1)]
)
def test_how_many_steps_are_measured(seconds: float, count: int) -> None:
    """Two seconds of them, or a few that take longer, but not minutes."""
    assert count_of_steps(seconds) == count
