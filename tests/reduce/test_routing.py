"""The way of a sum: the same for all workers, every slice in one place, and two levels where they cost less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.control.commands import Assignment, Idle
from yarnml.master.placement import assign
from yarnml.reduce.reducer import CHUNK
from yarnml.reduce.routing import FEW, RELAY, cost, groups, route, routes, slices_for


def meeting(workers: int, apart: int, levels: int | None = None, shards: int = 0) -> Assignment:
    at = {w: f"worker-{w}" for w in range(workers)}
    reducers = [f"reducer-{r}" for r in range(apart)] or list(at.values())
    return Assignment(7, Idle(), assign(shards or workers, at), reducers, at, levels)


@given(st.integers(4, 300))
def test_groups_are_runs_of_about_the_same_size(members: int) -> None:
    """Everybody is in one group, in order; no group has fewer than two, or more than three times √n."""
    found = groups(range(members))
    assert [member for group in found for member in group] == list(range(members))
    assert len(found) > 1
    assert all(2 <= len(group) <= 3 * members**0.5 for group in found)
    assert len({len(group) for group in found[:-1]}) == 1


@given(st.integers(4, 80), st.integers(0, 5), st.integers(1, 8 * CHUNK), st.integers(1, 3))
def test_all_workers_agree_on_two_levels(workers: int, apart: int, length: int, each: int) -> None:
    """A slice has one relay in each group and one reducer for all of them; no process has two slices on a level."""
    met = meeting(workers, apart, levels=2, shards=each * workers)
    found = {w: routes(met, w) for w in range(workers)}
    relays, above = {}, {w + RELAY: found[n].above for n, w in met.workers.items()}
    for worker, its in found.items():
        assert set(met.shards[worker]) <= its.shards
        relays[its.shards] = tuple(its.of(length))
        assert all(address.endswith(RELAY) for address in its.of(length))
    assert sum(map(len, relays)) == each * workers, "groups that overlap, or a group that does not agree on its relays"
    for places in zip(*relays.values(), strict=True):
        assert len({above[relay] for relay in places}) == 1
    reducers = [above[relay] for relay in next(iter(relays.values()))]
    assert len(set(reducers)) == len(reducers)
    assert all(above[relay] + RELAY != relay for relay in above)
    assert set(reducers) <= set(met.reducers)


@given(st.integers(1, FEW), st.integers(0, 5), st.integers(1, 10**7))
def test_few_workers_have_one_level(workers: int, apart: int, length: int) -> None:
    """With up to 16 workers and nothing said, there is one level, and the slices that measurements chose."""
    reducers = apart or workers
    assert route(length, workers, reducers, apart=bool(apart)) == (1, slices_for(length, workers, reducers))


@given(st.integers(1, 300), st.integers(0, 8), st.integers(1, 10**8))
def test_what_costs_less_is_taken(workers: int, apart: int, length: int) -> None:
    """Nobody gets a slice who is not there, and two levels are never taken where one is cheaper."""
    found = route(length, workers, apart or workers, apart=bool(apart))
    one = route(length, workers, apart or workers, apart=bool(apart), levels=1)
    assert 1 <= found.slices <= (apart or workers)
    assert one.levels == 1
    costs = [cost(at, length, workers, apart=bool(apart)) for at in (found, one)]
    assert costs[0] <= costs[1]


@pytest.mark.parametrize(
    ("workers", "length", "levels"), [(16, 1000, 1), (64, 1000, 2), (64, 10**6, 2), (64, 10**8, 1), (1000, 10**7, 2)]
)
def test_many_workers_have_two_levels(workers: int, length: int, levels: int) -> None:
    """Dozens of workers have two levels where messages are the cost, one where bytes are; and what the job says."""
    assert routes(meeting(workers, 0), 0).of(length)[0].endswith(RELAY) == (levels == 2)
    for wanted in (1, 2):
        assert routes(meeting(workers, 0, wanted), 0).of(length)[0].endswith(RELAY) == (wanted == 2)


def test_less_than_four_workers_have_one_level() -> None:
    """Where there would be one group alone, there is one level, whatever the job says; resting workers don't count."""
    met = Assignment(1, Idle(), {0: [0], 1: [], 2: [1], 3: [2]}, list("abcd"), dict(enumerate("abcd")), 2)
    assert routes(met, 2).of(10**7) == list("abcd")
