"""The quorum: when a job stops waiting for processes, and what it says when it has waited too long."""

from typing import Any

import pytest

from yarnml.job.load import load_job
from yarnml.master.membership.quorum import Quorum


@pytest.fixture
def make_quorum(digits_job: dict[str, Any]) -> Any:
    """Quorums of a job of four workers, two of them at least, and a reducer; it waits 9 seconds at most."""
    workers = {"count": 4, "min": 2, "wait": 60}
    job = load_job(digits_job | {"workers": workers, "reducers": {"count": 1}})
    return lambda starting: Quorum(job, {"worker": 4, "reducer": 1}, 9.0, starting=starting)


@pytest.mark.parametrize(
    ("workers", "reducers", "waited", "took", "at_start", "later"),
    [
        (4, 1, 0.0, 0.0, True, True),
        (4, 0, 9.0, 0.0, False, True),  # without a reducer it can go on, but not start
        (2, 1, 4.9, 0.0, False, False),  # the others may still come
        (2, 1, 5.0, 0.0, True, True),
        (2, 1, 5.0, 7.0, False, False),  # it took longer than that until the newest came
        (2, 1, 7.0, 7.0, True, True),
        (2, 1, 9.0, 60.0, True, True),
        (1, 1, 9.0, 0.0, False, False),
        (9, 1, 0.0, 0.0, True, True),
    ],
)
def test_a_quorum(
    make_quorum: Any, workers: int, reducers: int, waited: float, took: float, at_start: bool, later: bool
) -> None:
    """All that are wanted suffice at once, the least number after some patience; reducers count at the start only."""
    assert make_quorum(starting=True).is_reached(workers, reducers, waited, took) is at_start
    assert make_quorum(starting=False).is_reached(workers, reducers, waited, took) is later


def test_without_patience_the_least_number_suffices(digits_job: dict[str, Any]) -> None:
    """Rounds that go on after a loss wait for nobody whom they can do without."""
    quorum = Quorum(load_job(digits_job), {"worker": 4, "reducer": 0}, 0.0, starting=False)
    assert quorum.is_reached(1, 0, 0.0, 0.0)


def test_the_sentence_names_what_is_missing(make_quorum: Any) -> None:
    """Workers come first; where they suffice it is the reducers, and the cluster's own words stand behind."""
    quorum = make_quorum(starting=True)
    assert quorum.shortfall(1, 1, "") == "1 of at least 2 workers had come after workers.wait, 60 s."
    assert quorum.shortfall(3, 0, "no room") == "0 of 1 reducers had come after workers.wait, 60 s: no room"
    assert quorum.lack(0) == "0 of 1 reducers"
    assert quorum.lack(1) == ""
    assert make_quorum(starting=False).lack(0) == ""
