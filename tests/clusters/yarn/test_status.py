"""The status of a job, from its events and from YARN's words."""

import re

from yarnml.clusters.yarn.observe.processes import ProcessInfo
from yarnml.clusters.yarn.observe.status import (
    Application,
    Status,
    applications_table,
    describe_status,
    training_status,
)
from yarnml.events.events import (
    EpochDone,
    Event,
    Failure,
    Outcome,
    Predicted,
    ProcessLost,
    RoundStarted,
    ShardsDone,
    Tick,
    Waiting,
)


def application(state: str = "FAILED", live: bool = False) -> Application:
    return Application("application_1_0002", "digits", "ann", "default", state, live, "", "", 0.0, 0.0, 0.5)


def test_a_job_that_predicts() -> None:
    """It tells how many shards are done, and at its end where they are."""
    end = Predicted("scored", "/scored", "/models/1", 400, 0, 8)
    listed: list[Event] = [Waiting(1, 2, ""), ShardsDone("predict", 3, 8, 2), end]
    running = training_status(listed[:2])
    assert (running.shards_done, running.shards, running.waiting) == (3, 8, "")
    assert "3 of 8 are done" in describe_status(Status(application("RUNNING", live=True), running, []))
    assert "/scored" in describe_status(Status(application("FINISHED"), training_status(listed), []))


def test_a_status_is_the_sum_of_the_events() -> None:
    """Round, step, loss, metrics and losses, from what was told; a newer step beats the last epoch's."""
    events: list[Event] = [
        Waiting(1, 2, "no room"),
        RoundStarted(3, 18, 24, 60),
        ProcessLost("worker 1 was lost"),
        EpochDone(4, 10, 24, 0.5, {"loss": 0.4, "accuracy": 0.9}),
    ]
    training = training_status(events, Tick(26, 0.45, 100, 2))
    assert (training.round, training.step, training.steps, training.loss, training.workers) == (4, 26, 60, 0.45, 2)
    assert (training.epoch, training.epochs, training.metrics) == (4, 10, {"loss": 0.4, "accuracy": 0.9})
    assert training_status([], None).loss is None
    assert training_status(events[:1]).waiting == "1 of 2 workers are here; no room"
    text = describe_status(
        Status(application("RUNNING", live=True), training, [ProcessInfo("worker", 0, "RUNNING", "w1", "c_1")])
    )
    for line in ("round 4, step 26/60, loss 0.45, 2 workers", "4/10  loss 0.4, accuracy 0.9", "worker 1 was lost"):
        assert line in text
    assert "worker  0      RUNNING  w1    c_1" in text
    table = applications_table([application("RUNNING", live=True)], {"application_1_0002": "12, loss 0.5"})
    assert re.search(r"RUNNING +50 % +12, loss 0\.5", table)


def test_how_a_job_ended_is_told_for_good() -> None:
    """Outcome and failure are part of a status; nothing is waited for any more."""
    done = Outcome("digits", 60, 10, {"test": {"loss": 0.3}}, {}, "hdfs:///job", "hdfs:///models/1")
    text = describe_status(Status(application("SUCCEEDED"), training_status([Waiting(1, 2, "no room"), done]), []))
    assert "loss 0.3" in text
    assert "hdfs:///models/1" in text
    assert "waiting" not in text
    text = describe_status(Status(application(), training_status([Failure("DataError", "no rows")]), []))
    assert "error        no rows" in text
