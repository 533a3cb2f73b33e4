"""Routes of a sum: into how many slices a vector is cut, and whether groups of workers join their parts first.

With one level, every worker sends each slice to the slice's reducer, which has all workers to listen to.  With two,
about √n workers are a *group*, and the worker at place i in it is the *relay* of slice i (`relay`): it joins what its
group has of the slice, and passes that on to the reducer as one worker would.  Everything here is a pure function of
the assignment, so it comes out the same on all workers.

A route's cost is what has to be handled on the way of a sum, in messages.  A vector's elements cost time, too, and
`ELEMENTS_COSTING_ONE_MESSAGE` of them as much as one message (170 µs of processor time or more, by
``python -m benchmarks growth``).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import log2
from typing import NamedTuple, TypeVar

from yarnml.control.commands import Assignment
from yarnml.reduce.chunks import CHUNK_ELEMENTS, chunk_bounds

MAX_WORKERS_WITH_ONE_LEVEL = 16
"""Up to so many workers there is one level, unless the job wants two."""

ELEMENTS_COSTING_ONE_MESSAGE = 64 * 1024

LEVEL_LATENCY_IN_MESSAGES = 5
"""A level's way there and back, as the number of messages that could be handled in the same time."""

MAX_COST_RATIO_FOR_TWO_LEVELS = 2 / 3
"""Two levels are taken where they cost less than this share of one level: so they are clearly worth it."""

RELAY_SUFFIX = "/relay"
"""Behind the address of a process, it stands for the relay of that process instead of its reducer."""

Member = TypeVar("Member")


class Route(NamedTuple):
    """One or two levels, and the number of slices that a vector is cut into."""

    levels: int
    slices: int


class Routes(NamedTuple):
    """The ways that one worker's parts can go in one generation.  All addresses are in the order of slices.

    ``reducers``: addresses of all reducers.
    ``workers``: the number of workers that take part.
    ``levels``: as the job wants them; None where it leaves the choice.
    ``dedicated``: whether the reducers are processes of their own, not workers.
    ``relays``: addresses of the relays of its group.
    ``reducer_above``: the address of the reducer that its own relay passes on to; empty where there is none.
    ``shards``: the shards of its group.
    ``owners``: addresses of the processes that keep a table, in the order of its parts; they reduce the sums for it.
    """

    reducers: list[str]
    workers: int
    generation: int = 0
    levels: int | None = None
    dedicated: bool = False
    relays: Sequence[str] = ()
    reducer_above: str = ""
    shards: frozenset[int] = frozenset()
    owners: Sequence[str] = ()

    def addresses(self, length: int) -> Sequence[str]:
        """The addresses that get the slices of a vector of ``length`` elements, a slice each."""
        route = cheapest_route(length, self.workers, len(self.reducers), dedicated=self.dedicated, levels=self.levels)
        return (self.relays if route.levels == 2 else self.reducers)[: route.slices]


def plan_routes(assignment: Assignment, worker: int) -> Routes:
    """The routes of ``worker``, which has shards in this assignment."""
    active = sorted((w for w, run in assignment.shards.items() if run), key=lambda w: min(assignment.shards[w]))
    dedicated = bool(assignment.reducers) and assignment.reducers[0] not in assignment.workers.values()
    one_level = Routes(assignment.reducers, len(active), assignment.generation, assignment.levels, dedicated)
    all_groups = groups(active)
    if len(all_groups) == 1:
        return one_level
    group = next(group for group in all_groups if worker in group)
    place = group.index(worker)
    return one_level._replace(
        relays=[assignment.workers[w] + RELAY_SUFFIX for w in group],
        reducer_above=_reducer_of_slice(assignment, all_groups, place, dedicated=dedicated),
        shards=frozenset(shard for w in group for shard in assignment.shards[w]),
    )


def _reducer_of_slice(
    assignment: Assignment, all_groups: Sequence[Sequence[int]], place: int, *, dedicated: bool
) -> str:
    """The address of the reducer of slice number ``place`` with two levels; empty where there is none.

    Of workers it is one of another place than the slice's relays have, so never a relay of the same slice.  It stands
    half a group further, so while there are few slices it is no relay at all, and one process has not both loads.
    """
    if dedicated:
        return next(iter(assignment.reducers[place : place + 1]), "")
    group = all_groups[place % len(all_groups)]
    return assignment.workers[group[(place + len(group) // 2) % len(group)]]


def groups(members: Sequence[Member]) -> list[Sequence[Member]]:
    """Cut members into about √n groups that follow each other; one where there are less than four.

    All but the last one have a power of two: where every member has one shard, their parts join to one subtree.
    """
    size = max(2, 2 ** round(log2(len(members)) / 2))
    last = max(1, (len(members) + (size - 1) // 2) // size) - 1
    return [*(members[i * size : (i + 1) * size] for i in range(last)), members[last * size :]]


def slices_for(length: int, workers: int, reducers: int) -> int:
    """The number of reducers that a few workers use: no more than are needed for about a chunk a step for each.

    A small vector costs messages rather than bytes, and every further slice is another message for every worker.
    """
    return max(1, min(reducers, -(-workers * length // CHUNK_ELEMENTS)))


@lru_cache(maxsize=64)
def cheapest_route(length: int, workers: int, reducers: int, *, dedicated: bool, levels: int | None = None) -> Route:
    """The cheapest route of a vector of ``length`` elements; two levels only where they cost clearly less.

    ``reducers``: the number of all reducers.
    ``dedicated``: whether these are processes of their own.
    ``levels``: as the job wants them; None where it leaves the choice.
    """

    def cost(route: Route) -> float:
        return route_cost(route, length, workers, dedicated=dedicated)

    is_small = workers <= MAX_WORKERS_WITH_ONE_LEVEL
    sizes = [len(group) for group in groups(range(workers))]
    if is_small:
        one = Route(1, slices_for(length, workers, reducers))
    else:
        one = min((Route(1, n) for n in range(1, reducers + 1)), key=cost)
    if len(sizes) == 1 or levels == 1 or (is_small and levels is None):
        return one
    two = min((Route(2, n) for n in range(1, min(*sizes, reducers) + 1)), key=cost)
    return two if levels == 2 or cost(two) < MAX_COST_RATIO_FOR_TWO_LEVELS * cost(one) else one


def route_cost(route: Route, length: int, workers: int, *, dedicated: bool) -> float:
    """The parts and totals that a worker, its relay and a reducer handle in a step, in messages, with the latency.

    All three are on the way of a sum, and may be in one process, so their messages are added.
    """
    largest_slice = -(-length // route.slices)
    messages_per_slice = len(chunk_bounds(0, largest_slice)) + largest_slice / ELEMENTS_COSTING_ONE_MESSAGE
    if route.levels == 1:
        by_memory = 0 if dedicated else 2  # a worker's own slice costs no message, at either end
        slices = route.slices + workers - by_memory
        return slices * messages_per_slice + LEVEL_LATENCY_IN_MESSAGES
    sizes = [len(group) for group in groups(range(workers))]
    slices = route.slices + max(sizes) - 1 + len(sizes)
    return slices * messages_per_slice + 2 * LEVEL_LATENCY_IN_MESSAGES
