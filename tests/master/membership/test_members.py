"""Who can take part, and how many there should be: what the roster thinks with."""

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
    """All were seen at time 0."""
    found = Liveness(0.0)
    for who in [*WORKERS, REDUCER]:
        found.heartbeat(who, 0.0)
    return found


def test_who_is_quiet_is_fit_again_with_its_next_sign(liveness: Liveness) -> None:
    """One without a sign of life does not take part until it gives one."""
    liveness.suspend_until_heartbeat(WORKERS[:1])
    assert liveness.eligible(WORKERS, 1.0) == {*WORKERS[1:]}
    assert liveness.silent(WORKERS) == WORKERS[:1]
    liveness.heartbeat(WORKERS[0], 2.0)
    assert liveness.eligible(WORKERS, 2.0) == {*WORKERS}
    assert liveness.silent(WORKERS) == []


def test_who_is_slow_rests_longer_each_time(liveness: Liveness) -> None:
    """The second rest is twice as long as the first."""
    for began, seconds in [(0.0, FIRST_SUSPENSION_SECONDS), (1000.0, 2 * FIRST_SUSPENSION_SECONDS)]:
        liveness.suspend_stragglers(WORKERS[:1], began)
        assert liveness.eligible(WORKERS, began + seconds - 1) == {*WORKERS[1:]}
        assert liveness.eligible(WORKERS, began + seconds) == {*WORKERS}


def test_who_is_slow_is_better_than_nobody(liveness: Liveness) -> None:
    """Slow workers rest while there is another worker; a reducer is none."""
    liveness.suspend_stragglers(WORKERS[:2], 0.0)
    assert liveness.eligible([*WORKERS, REDUCER], 1.0) == {WORKERS[2], REDUCER}
    assert liveness.eligible([*WORKERS[:2], REDUCER], 1.0) == {*WORKERS[:2], REDUCER}


def test_who_is_silent(liveness: Liveness) -> None:
    """Silent is who gave no sign for so long, among those that are asked about."""
    liveness.overdue(WORKERS, 5.0, 1.5)
    liveness.heartbeat(WORKERS[2], 3.0)
    assert liveness.overdue([*WORKERS[1:], REDUCER], 2.0, 3.5) == {WORKERS[1]: 3.5, REDUCER: 3.5}
    assert liveness.overdue(WORKERS, 5.0, 4.0) == {}


def test_who_was_seen_once_can_fall_silent(liveness: Liveness) -> None:
    """Those on their way count from their first sign of life on, before they have come; others are not known."""
    late = ProcessId("worker", 7)
    assert late not in liveness.seen
    liveness.heartbeat(late, 1.0)
    liveness.overdue(liveness.seen, 5.0, 1.5)
    assert liveness.overdue(liveness.seen, 2.2, 3.4) == dict.fromkeys([*WORKERS, REDUCER], 3.4) | {late: 2.4}


def test_who_runs_and_never_shows_itself(liveness: Liveness) -> None:
    """Five times as long may pass from when a process is known to run to its first sign of life; waiting is free."""
    late, early = ProcessId("worker", 9), ProcessId("worker", 10)
    for now in range(0, 100, 10):
        liveness.note_running([], now)  # YARN has no room for it yet
    liveness.note_running([late, early], 100.0)
    liveness.note_running([late, early], 140.0)
    liveness.heartbeat(early, 140.0)
    assert liveness.never_started(10.0, 150.0) == {}
    assert liveness.never_started(10.0, 151.0) == {late: 51.0}
    liveness.heartbeat(late, 151.0)
    assert liveness.never_started(10.0, 1000.0) == {}


def test_nobody_is_silent_for_a_while_in_which_nobody_listened(liveness: Liveness) -> None:
    """A master that was stopped itself gives everybody the whole time again."""
    assert liveness.overdue(WORKERS, 5.0, 100.0) == {}
    assert liveness.overdue(WORKERS, 5.0, 101.0) == {}


@pytest.fixture
def autoscaler(digits_job: dict[str, Any]) -> Autoscaler:
    """Of a job with two workers and a reducer, at time 0."""
    return Autoscaler(load_job(digits_job | {"workers": {"count": 2}, "reducers": {"count": 1}}), 0.0)


@pytest.mark.parametrize("role", ["worker", "reducer"])
def test_those_on_their_way_are_not_asked_for_again(autoscaler: Autoscaler, role: Role) -> None:
    """To be asked for are those that are wanted and neither here nor on their way, never fewer than none."""
    assert autoscaler.missing(role) == 0
    autoscaler.target[role] += 3
    assert autoscaler.missing(role) == 3
    autoscaler.requested[role] += 4
    assert autoscaler.missing(role) == 0


def test_a_job_grows_by_a_few_at_a_time(autoscaler: Autoscaler) -> None:
    """Growth waits for those on their way and between two looks, and goes in batches up to the most."""
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
    autoscaler.target["worker"] = autoscaler.requested["worker"] = 3
    assert autoscaler.should_shrink(0.0)
    assert autoscaler.growth(100, 3, GROWTH_PAUSE_SECONDS - 1) == 0
    assert autoscaler.growth(100, 3, GROWTH_PAUSE_SECONDS) == MAX_WORKERS_ADDED_AT_ONCE
