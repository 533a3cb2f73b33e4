"""A job whose cluster gives it no more time stops at a checkpoint, and goes on to the same bits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.conftest import Job, model_bits
from tests.processes import saved_steps
from yarnml.clusters.inline import InlineCrew
from yarnml.errors import TimeOver
from yarnml.events.events import Event, Tick
from yarnml.job.load import load_job
from yarnml.master.crew import Cluster
from yarnml.runner import train

pytestmark = pytest.mark.long


def test_the_model_is_the_same(job: Job, undisturbed: bytes, tmp_path: Path) -> None:
    """No checkpoint was due where it stopped; it has one all the same, and the next run goes on from there."""
    job["checkpoint"] |= {"every": "1000 epochs"}
    crews: list[InlineCrew] = []

    @contextmanager
    def opener(job: Any, logs: str, say: Any, locality: Any) -> Iterator[InlineCrew]:
        crews.append(InlineCrew(say))
        yield crews[-1]

    def hear(event: Event) -> None:
        if isinstance(event, Tick) and len(crews) == 1:
            crews[0].time_limit = "There is no more time."

    cluster = Cluster("inline", opener, fixed_workers=1)
    with pytest.raises(TimeOver, match=r"There is no more time\. Step \d+ is kept; submit the job again") as caught:
        train(load_job(job), cluster, say=hear)
    assert caught.value.exit_status == 75
    assert len(saved_steps(Path(job["checkpoint"]["path"]))) == 1
    train(load_job(job), cluster, say=hear)
    assert model_bits(job) == undisturbed
