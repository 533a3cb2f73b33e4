"""Liveness and autoscaling: which processes can take part, and how many there should be."""

from typing import Any

import pytest

from yarnml.control.roles import ProcessId, Role
from yarnml.job.load import load_job
from yarnml.master.membership.autoscaler import (
    GROWTH_INTERVAL_SECONDS,
    GROWTH_PAUSE_SECONDS,
    MAX_WORKERS_ADDED_AT_ONCE,
    Autoscaler,
)
from yarnml.master.membership.liveness import FIRST_SUSPENSION_SECONDS, Liveness

WORKERS = [ProcessId("worker", n) for n in range(3)]
REDUCER = ProcessId("reducer", 0)


@pytest.fixture
def liveness() -> Liveness:
    """Three workers and a reducer that all sent a heartbeat at time 0."""
    liveness = Liveness(0.0)
    for process in [*WORKERS, REDUCER]:
        liveness.heartbeat(process, 0.0)
    return liveness


def test_a_silent_member_is_eligible_again_with_its_next_heartbeat(liveness: Liveness) -> None:
    """A silent process does not take part until its next heartbeat."""
    liveness.suspend_until_heartbeat(WORKERS[:1])
    assert liveness.eligible(WORKERS, 1.0) == {*WORKERS[1:]}
    assert liveness.silent(WORKERS) == WORKERS[:1]
    liveness.heartbeat(WORKERS[0], 2.0)
    assert liveness.eligible(WORKERS, 2.0) == {*WORKERS}
    assert liveness.silent(WORKERS) == []


def test_stragglers_are_suspended_longer_each_time(liveness: Liveness) -> None:
    """The second suspension is twice as long as the first."""
    for began, seconds in [(0.0, FIRST_SUSPENSION_SECONDS), (1000.0, 2 * FIRST_SUSPENSION_SECONDS)]:
        liveness.suspend_stragglers(WORKERS[:1], began)
        assert liveness.eligible(WORKERS, began + seconds - 1) == {*WORKERS[1:]}
        assert liveness.eligible(WORKERS, began + seconds) == {*WORKERS}


def test_stragglers_take_part_where_there_is_no_other_worker(liveness: Liveness) -> None:
    """Stragglers are suspended while there is another worker; a reducer is none."""
    liveness.suspend_stragglers(WORKERS[:2], 0.0)
    assert liveness.eligible([*WORKERS, REDUCER], 1.0) == {WORKERS[2], REDUCER}
    assert liveness.eligible([*WORKERS[:2], REDUCER], 1.0) == {*WORKERS[:2], REDUCER}


def test_overdue_heartbeats(liveness: Liveness) -> None:
    """A heartbeat is overdue after so many seconds, among the processes that are asked about."""
    liveness.overdue(WORKERS, 5.0, 1.5)
    liveness.heartbeat(WORKERS[2], 3.0)
    assert liveness.overdue([*WORKERS[1:], REDUCER], 2.0, 3.5) == {WORKERS[1]: 3.5, REDUCER: 3.5}
    assert liveness.overdue(WORKERS, 5.0, 4.0) == {}


def test_a_process_that_has_not_joined_can_be_overdue(liveness: Liveness) -> None:
    """Processes that have not joined count from their first heartbeat on; others are not known."""
    late = ProcessId("worker", 7)
    assert late not in liveness.seen
    liveness.heartbeat(late, 1.0)
    liveness.overdue(liveness.seen, 5.0, 1.5)
    assert liveness.overdue(liveness.seen, 2.2, 3.4) == dict.fromkeys([*WORKERS, REDUCER], 3.4) | {late: 2.4}


def test_a_process_that_never_starts(liveness: Liveness) -> None:
    """The first heartbeat may take five times as long, from when a process is known to run on."""
    late = ProcessId("worker", 9)
    early = ProcessId("worker", 10)
    for now in range(0, 100, 10):
        liveness.note_running([], now)  # YARN has no room for it yet
    liveness.note_running([late, early], 100.0)
    liveness.note_running([late, early], 140.0)
    liveness.heartbeat(early, 140.0)
    assert liveness.never_started(10.0, 150.0) == {}
    assert liveness.never_started(10.0, 151.0) == {late: 51.0}
    liveness.heartbeat(late, 151.0)
    assert liveness.never_started(10.0, 1000.0) == {}


def test_no_heartbeat_is_overdue_after_a_time_in_which_the_master_slept(liveness: Liveness) -> None:
    """A master that was stopped itself gives everybody the whole time again."""
    assert liveness.overdue(WORKERS, 5.0, 100.0) == {}
    assert liveness.overdue(WORKERS, 5.0, 101.0) == {}


@pytest.fixture
def autoscaler(digits_job: dict[str, Any]) -> Autoscaler:
    """The autoscaler of a job with two workers and a reducer, at time 0."""
    return Autoscaler(load_job(digits_job | {"workers": {"count": 2}, "reducers": {"count": 1}}), 0.0)


@pytest.mark.parametrize("role", ["worker", "reducer"])
def test_processes_on_their_way_are_not_requested_again(autoscaler: Autoscaler, role: Role) -> None:
    """Missing are processes that the target asks for and that are not requested yet, never fewer than none."""
    assert autoscaler.missing(role) == 0
    autoscaler.target[role] += 3
    assert autoscaler.missing(role) == 3
    autoscaler.requested[role] += 4
    assert autoscaler.missing(role) == 0


def test_a_job_grows_by_a_few_at_a_time(autoscaler: Autoscaler) -> None:
    """Growth waits for processes on their way and between two looks, and adds a few at a time up to the limit."""
    times = iter(GROWTH_INTERVAL_SECONDS * n for n in range(1, 9))
    assert autoscaler.growth(100, 2, next(times) - 1) == 0
    assert autoscaler.growth(100, 1, next(times)) == 0
    assert autoscaler.growth(100, 2, now := next(times)) == MAX_WORKERS_ADDED_AT_ONCE
    assert autoscaler.growth(100, 2, now + 1) == 0
    assert autoscaler.growth(3, 2, next(times)) == 1
    assert autoscaler.growth(1, 2, next(times)) == 0


def test_a_job_that_had_grown_shrinks_when_the_cluster_takes_one_back(autoscaler: Autoscaler) -> None:
    """Then it does not grow for longer; one that has no more than workers.count wants them all back."""
    assert not autoscaler.should_shrink(0.0)
    autoscaler.target["worker"] = 3
    autoscaler.requested["worker"] = 3
    assert autoscaler.should_shrink(0.0)
    assert autoscaler.growth(100, 3, GROWTH_PAUSE_SECONDS - 1) == 0
    assert autoscaler.growth(100, 3, GROWTH_PAUSE_SECONDS) == MAX_WORKERS_ADDED_AT_ONCE
