"""The way of a sum: the same for all workers, every slice in one place, and two levels where they cost less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.control.commands import Assignment, Idle
from yarnml.master.placement import assign
from yarnml.reduce.chunks import CHUNK_ELEMENTS
from yarnml.reduce.routing import (
    MAX_WORKERS_WITH_ONE_LEVEL,
    RELAY_SUFFIX,
    cheapest_route,
    groups,
    plan_routes,
    route_cost,
    slices_for,
)


def assignment(workers: int, dedicated: int, levels: int | None = None, shards: int = 0) -> Assignment:
    at = {w: f"worker-{w}" for w in range(workers)}
    reducers = [f"reducer-{r}" for r in range(dedicated)] or list(at.values())
    return Assignment(7, Idle(), assign(shards or workers, at), reducers, at, levels)


@given(st.integers(4, 300))
def test_groups_are_runs_of_about_the_same_size(members: int) -> None:
    """Everybody is in one group, in order; no group has fewer than two, or more than three times √n."""
    cut = groups(range(members))
    assert [member for group in cut for member in group] == list(range(members))
    assert len(cut) > 1
    assert all(2 <= len(group) <= 3 * members**0.5 for group in cut)
    assert len({len(group) for group in cut[:-1]}) == 1


@given(st.integers(4, 80), st.integers(0, 5), st.integers(1, 8 * CHUNK_ELEMENTS), st.integers(1, 3))
def test_all_workers_agree_on_two_levels(workers: int, dedicated: int, length: int, shards_each: int) -> None:
    """A slice has one relay in each group and one reducer for all of them; no process has two slices on a level."""
    begun = assignment(workers, dedicated, levels=2, shards=shards_each * workers)
    routes = {w: plan_routes(begun, w) for w in range(workers)}
    above = {address + RELAY_SUFFIX: routes[w].reducer_above for w, address in begun.workers.items()}
    relays = {}
    for worker, ways in routes.items():
        assert set(begun.shards[worker]) <= ways.shards
        relays[ways.shards] = tuple(ways.addresses(length))
        assert all(address.endswith(RELAY_SUFFIX) for address in ways.addresses(length))
    shards = sum(map(len, relays))
    assert shards == shards_each * workers, "groups that overlap, or a group that does not agree on its relays"
    for places in zip(*relays.values(), strict=True):
        assert len({above[relay] for relay in places}) == 1
    reducers = [above[relay] for relay in next(iter(relays.values()))]
    assert len(set(reducers)) == len(reducers)
    assert all(above[relay] + RELAY_SUFFIX != relay for relay in above)
    assert set(reducers) <= set(begun.reducers)


@given(st.integers(1, MAX_WORKERS_WITH_ONE_LEVEL), st.integers(0, 5), st.integers(1, 10**7))
def test_few_workers_have_one_level(workers: int, dedicated: int, length: int) -> None:
    """With up to 16 workers and nothing said, there is one level, and the slices that measurements chose."""
    reducers = dedicated or workers
    assert cheapest_route(length, workers, reducers, dedicated=bool(dedicated)) == (
        1,
        slices_for(length, workers, reducers),
    )


@given(st.integers(1, 300), st.integers(0, 8), st.integers(1, 10**8))
def test_what_costs_less_is_taken(workers: int, dedicated: int, length: int) -> None:
    """Nobody gets a slice who is not there, and two levels are never taken where one is cheaper."""
    route = cheapest_route(length, workers, dedicated or workers, dedicated=bool(dedicated))
    one = cheapest_route(length, workers, dedicated or workers, dedicated=bool(dedicated), levels=1)
    assert 1 <= route.slices <= (dedicated or workers)
    assert one.levels == 1
    costs = [route_cost(at, length, workers, dedicated=bool(dedicated)) for at in (route, one)]
    assert costs[0] <= costs[1]


@pytest.mark.parametrize(
    ("workers", "length", "levels"), [(16, 1000, 1), (64, 1000, 2), (64, 10**6, 2), (64, 10**8, 1), (1000, 10**7, 2)]
)
def test_many_workers_have_two_levels(workers: int, length: int, levels: int) -> None:
    """Dozens of workers have two levels where messages are the cost, one where bytes are; and what the job says."""
    assert plan_routes(assignment(workers, 0), 0).addresses(length)[0].endswith(RELAY_SUFFIX) == (levels == 2)
    for fixed in (1, 2):
        assert plan_routes(assignment(workers, 0, fixed), 0).addresses(length)[0].endswith(RELAY_SUFFIX) == (fixed == 2)


def test_less_than_four_workers_have_one_level() -> None:
    """With one group alone there is one level, whatever the job says; workers without shards don't count."""
    begun = Assignment(1, Idle(), {0: [0], 1: [], 2: [1], 3: [2]}, list("abcd"), dict(enumerate("abcd")), 2)
    assert plan_routes(begun, 2).addresses(10**7) == list("abcd")
