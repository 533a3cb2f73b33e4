"""Evaluations while a model is trained, and what early stopping makes of them."""

from typing import Any

import pytest

import yarnml
from yarnml.events.events import EpochDone, Event
from yarnml.job.load import load_job
from yarnml.job.spec import EarlyStopping
from yarnml.master import schedule
from yarnml.runner import run

pytestmark = pytest.mark.long

Job = dict[str, Any]


def evaluated(job: Job) -> dict[int, dict[str, float]]:
    """The metrics of a run, by the epochs that were evaluated."""
    events: list[Event] = []
    run(load_job(job), "inline", say=events.append)
    return {e.epoch: e.metrics for e in events if isinstance(e, EpochDone) and e.metrics}


def test_evaluations_come_as_asked(digits_job: Job) -> None:
    """They come after every third epoch and after the last, and tell what they would if there were one an epoch."""
    digits_job["training"] = {"epochs": 5, "batch_size": 256}
    always = evaluated(digits_job)
    digits_job["checkpoint"]["path"] += "-rarer"
    assert list(always) == [1, 2, 3, 4, 5]
    assert evaluated(digits_job | {"evaluation": {"every": "3 epochs"}}) == {n: always[n] for n in (3, 5)}


def test_early_stopping_between_evaluations(digits_job: Job) -> None:
    """Training stops at an evaluation, and what it goes back to is the best of the epochs that were evaluated."""
    digits_job["data"]["validation"] = 0.2
    digits_job["learner"]["optimizer"] = {"kind": "adam", "learning_rate": 0.1}
    digits_job["training"] = {"epochs": 60, "batch_size": 64, "early_stopping": {"patience": 4}}
    events: list[Event] = []
    outcome = run(load_job(digits_job | {"evaluation": {"every": "3 epochs"}}), "inline", say=events.append)
    losses = {e.epoch: e.metrics["loss"] for e in events if isinstance(e, EpochDone) and e.metrics}
    best = min(losses, key=losses.__getitem__)
    assert outcome.stopped_early
    assert list(losses) == list(range(3, outcome.epochs + 1, 3))
    assert outcome.epochs == best + 6, "patience was over one epoch after an evaluation"
    assert outcome.metrics["validation"]["loss"] == losses[best]
    assert yarnml.run(digits_job | {"evaluation": {"every": "3 epochs"}}, "inline").already


@pytest.mark.parametrize(
    ("losses", "stop"), [([2.0, None, None], False), ([2.0, None, None, 2.1], True), ([None, None, None, 2.1], False)]
)
def test_patience_counts_epochs(losses: list[float | None], stop: bool) -> None:
    """Epochs without an evaluation count for patience, but stop nothing."""
    history = [{} if loss is None else {"loss": loss} for loss in losses]
    assert schedule.should_stop(history, EarlyStopping(patience=2)) is stop


def test_no_epoch_is_judged_before_there_is_a_model(digits_job: Job) -> None:
    """The passes in which trees look for their bins are none that patience counts."""
    digits_job["learner"] = {"kind": "boosting", "trees": 3, "depth": 1, "bins": 8}
    digits_job["training"] = {"early_stopping": {"patience": 2}}
    assert list(evaluated(digits_job)) == [6, 7, 8]


def test_trees_that_are_not_grown_are_told(digits_job: Job) -> None:
    """Fewer epochs than the trees need leave some out, which is a remark; all of them are none."""
    digits_job["learner"] = {"kind": "boosting", "trees": 3, "depth": 5, "bins": 8}
    digits_job["training"] = {"epochs": 3}
    assert yarnml.run(digits_job, "inline").remarks == ["2 of 3 rounds are grown: raise training.epochs"]
    digits_job["training"] = {"epochs": 4}
    assert yarnml.run(digits_job, "inline").remarks == []
