"""Costs that are expected of a step: bytes are those that travel, and seconds follow their law."""

from typing import Any

import pytest

from tests.reduce.allreduces import STEPS, check_sums, connected, leaf
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.master.costs import (
    EXCHANGED_NUMBERS,
    SECONDS_OF_A_ROUNDING,
    Machines,
    bytes_sent,
    costs_of,
    slowness_by_sum,
    slowness_by_trial,
)
from yarnml.master.trial import TrialReport
from yarnml.reduce.exchange_trial import seconds_of_a_sum

MEGABYTE = 10**6
SECONDS = {"read": 0.01, "compute": 0.1, "exchange": 0.0, "update": 0.04}
SMALL = TrialReport(1000, 10, 1002, 4008, SECONDS, 10**8)
LARGE = TrialReport(25 * MEGABYTE, 10, 25 * MEGABYTE, 100 * MEGABYTE, SECONDS, 10**9)
GIGABIT = Machines(1, 1e9 / 8)


def job(workers: int = 2, reducers: int = 0, **training: Any) -> Job:
    return load_job(
        {
            "name": "costs",
            "data": {"train": "t", "features": ["x"], "label": "y"},
            "learner": {"kind": "mlp"},
            "training": {"batch_size": 32, **training},
            "workers": {"count": workers},
            "reducers": {"count": reducers},
            "checkpoint": {"path": "p"},
        }
    )


@pytest.mark.parametrize(("workers", "reducers"), [(5, 0), (5, 2)])
def test_the_bytes_that_travel(workers: int, reducers: int) -> None:
    """With a shard for each worker the streams count the bytes that are expected, there and back."""
    length = 300_000
    with connected(workers, reducers) as (allreduces, *_):
        check_sums(allreduces, lambda step, shard: leaf(step, shard, length, "float32"))
        sent = sum(a.sent.bytes for a in allreduces)
        received = sum(a.received.bytes for a in allreduces)
    trial = TrialReport(length, 1, length, 4 * length, SECONDS, 0)
    expected = bytes_sent(job(workers, reducers), trial, workers)
    if reducers:
        assert STEPS * workers * expected["worker"] == sent
        assert STEPS * reducers * expected["reducer"] == received
    else:
        assert STEPS * workers * expected["worker"] == sent + received


@pytest.mark.parametrize("machines", [Machines(2), Machines(1, 1e12)])
def test_a_slow_machine(machines: Machines) -> None:
    """A machine that takes twice as long for the trial's sum does so for the job's; a real one tells."""
    quick, slow = (
        costs_of(job(2), LARGE._replace(slowness=slowness_by_sum(seconds)), 2, machines).phases["exchange"]
        for seconds in (0.01, 0.02)
    )
    assert slow == pytest.approx(2 * quick)
    assert 0.1 < slowness_by_sum(seconds_of_a_sum(EXCHANGED_NUMBERS)) < 100


@pytest.mark.parametrize("delay", [0, 1])
def test_a_trial_by_all_workers(delay: int) -> None:
    """A job costs what the trial took, whatever a model says of its exchange, and others by the same scale."""
    machines = Machines(1)
    asked = job(2, delay=delay)
    trial = LARGE._replace(seconds=SECONDS | {"exchange": 5.0}, workers=2, own=2, delay=delay)
    trial = trial._replace(slowness=slowness_by_trial(asked, trial, machines))
    costs = costs_of(asked, trial, 4, machines)
    assert costs.phases == pytest.approx({"read": 0.02, "compute": 0.2, "exchange": 5.0, "update": 0.04})
    assert costs.step == pytest.approx(5.26)
    assert costs.memory == trial.memory
    alone = costs_of(job(1), trial, 4, machines)
    assert alone.phases == pytest.approx({"read": 0.02, "compute": 0.2, "exchange": 0.0, "update": 0.02})
    three = costs_of(job(3), trial, 3, machines)
    assert three.phases["compute"] == pytest.approx(0.15)
    assert three.phases["exchange"] > costs.phases["exchange"]


def test_seconds_add_up() -> None:
    """A worker computes its shards one after another; one machine shares its cores; a delay hides what is shorter."""
    alone = costs_of(job(1), SMALL, 1, Machines(2))
    assert alone.phases == {"read": 0.01, "compute": 0.1, "exchange": 0.0, "update": 0.04}
    assert alone.sent == {}
    assert alone.epoch == pytest.approx(10 * 0.15)
    four = costs_of(job(2), SMALL, 8, Machines(2))
    assert four.phases["compute"] == pytest.approx(0.4)
    assert four.phases["update"] == pytest.approx(0.04)
    crowded = costs_of(job(8), SMALL, 8, Machines(2))
    assert crowded.phases["compute"] == pytest.approx(0.4)
    apart = costs_of(job(8), SMALL, 8, GIGABIT)
    assert apart.phases["compute"] == pytest.approx(0.1)
    plain = costs_of(job(2), LARGE, 2, GIGABIT)
    # half of the vector goes to the other worker, and half of its total; the same comes back at the same time
    assert plain.phases["exchange"] == pytest.approx(0.8, rel=0.01)
    assert plain.step == pytest.approx(sum(plain.phases.values()))
    delayed = costs_of(job(2, delay=1), LARGE, 2, GIGABIT)
    assert delayed.step == pytest.approx(delayed.phases["exchange"])


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (2, "all"),  # both compute: there is no time for the exchange beside it
        (3, "two thirds"),
        (8, "the longer"),
    ],
)
def test_a_delay_on_one_machine_needs_cores_to_spare(cores: int, expected: str) -> None:
    """Between processes of one machine the exchange is processor time, which only idle cores have."""
    plain = costs_of(job(2), LARGE, 2, Machines(cores))
    delayed = costs_of(job(2, delay=1), LARGE, 2, Machines(cores))
    longer = max(plain.phases["exchange"], plain.step - plain.phases["exchange"])
    seconds = {"all": plain.step, "two thirds": max(longer, plain.step * 2 / 3), "the longer": longer}
    assert delayed.step == pytest.approx(seconds[expected])


@pytest.mark.parametrize(
    ("workers", "shards", "roundings"), [(1, 1, 0), (1, 4, 3), (2, 2, 0.5), (2, 8, 3.5), (4, 4, 0.75)]
)
def test_additions_of_blocks_take_time(workers: int, shards: int, roundings: float) -> None:
    """A worker adds up its own shards, and of every slice that it reduces all workers' parts."""
    with_blocks = costs_of(job(workers, gradients="int8"), LARGE, shards, GIGABIT)
    plain = costs_of(job(workers), LARGE, shards, GIGABIT)
    seconds = with_blocks.phases["exchange"] - plain.phases["exchange"]
    assert seconds == pytest.approx(roundings * LARGE.numbers * SECONDS_OF_A_ROUNDING["int8"])


def test_memory_of_residuals() -> None:
    """Each further shard costs its sums, and with top_k as many residuals as a worker keeps."""
    trial = TrialReport(1000, 10, 1002, 200, SECONDS, 10**6)
    assert costs_of(job(1), trial, 4, GIGABIT).memory == 10**6 + 3 * 200
    assert costs_of(job(1, gradients="top_k", delay=1), trial, 4, GIGABIT).memory == 10**6 + 3 * (200 + 3 * 4000)
