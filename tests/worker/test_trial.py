"""A trial: what some steps on the first shard tell of a training."""

from typing import Any

import pytest

from yarnml.clusters.trial import make_trial
from yarnml.control.commands import Initialize, ipc
from yarnml.control.trial import TrialOrder, TrialReport
from yarnml.data.plan import make_plan
from yarnml.errors import JobFileError
from yarnml.job.load import load_job
from yarnml.reduce.keyed import PLACES
from yarnml.worker.trial import Trial

SHARDS = 4
PARAMETERS = 65 * 16 + 17 * 10


def trial_of(fields: dict[str, Any], **training: Any) -> TrialReport:
    job = load_job(
        fields
        | {
            "learner": {"kind": "mlp", "hidden": [16]},
            "training": {"epochs": 2, "batch_size": 160, "micro_batch_size": None, **training},
        }
    )
    plan = make_plan(job)
    stored = {name: ipc(schema) for name, schema in plan.stored.items()}
    return Trial(TrialOrder(Initialize(job, plan.datasets, stored, SHARDS), plan.schema)).run()


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
    report = trial_of(digits_job, **training)
    assert report.parameters == PARAMETERS
    assert report.steps == 9
    assert report.sum_bytes == size + 8
    numbers = {"top_k": PLACES, "int8": 256 * 5, "int4": 256 * 5}
    assert report.numbers == numbers.get(training.get("gradients", ""), PARAMETERS) + 2
    assert set(report.seconds) == {"read", "compute", "exchange", "update"}
    assert report.memory > 10**7


def test_a_job_that_fails(digits_job: dict[str, Any]) -> None:
    """A trial in a process of its own ends in the sentence of the job's error."""
    fields = digits_job | {"learner": {"kind": "cnn", "channels": [4]}}
    job = load_job(fields)
    with pytest.raises(JobFileError, match=r"--trial: .*data\.shape"):
        make_trial(job, make_plan(job), SHARDS)
