"""Which way a sum goes: into how many slices a vector is cut, and whether groups of workers join their parts first.

With one level, every worker sends each slice to the slice's reducer, which has all workers to listen to.  With two,
about √n workers are a *group*, and the worker at place i in it is the *relay* of slice i (`relay`): it joins
what its group has of the slice, and passes that on to the reducer as one worker would.  Everything here is a pure
function of the meeting, so it comes out the same on all workers.

A route's cost is what has to be handled on the way of a sum, in messages: a vector's elements cost time, too, and
`MESSAGE` of them as much as one message (170 µs of processor time or more, by ``python -m benchmarks growth``).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import log2
from typing import NamedTuple, TypeVar

from yarnml.control.commands import Assignment
from yarnml.reduce.reducer import CHUNK, chunk_bounds

FEW = 16  # workers, up to which there is one level unless the job wants two
MESSAGE = 64 * 1024  # elements
TRIP = 5  # parts and their totals that could be handled in the time that a level takes besides
CLEARLY = 2 / 3  # of the cost of one level: two that cost less are worth it
RELAY = "/relay"  # behind the address of a process: its relay

Member = TypeVar("Member")


class Route(NamedTuple):
    levels: int
    slices: int


class Routes(NamedTuple):
    """Where one worker's parts can go in one meeting, in which ``workers`` take part: addresses in slice order.

    ``relays``: those of its group; ``above``: the reducer that its own relay passes on to; ``shards``: its group's.
    ``levels``: what the job wants, if anything; ``apart``: whether the reducers are processes of their own.
    """

    reducers: list[str]
    workers: int
    generation: int = 0
    levels: int | None = None
    apart: bool = False
    relays: Sequence[str] = ()
    above: str = ""
    shards: frozenset[int] = frozenset()

    def of(self, length: int) -> Sequence[str]:
        """Who gets the slices of a vector of so many elements."""
        way = route(length, self.workers, len(self.reducers), apart=self.apart, levels=self.levels)
        return (self.relays if way.levels == 2 else self.reducers)[: way.slices]


def routes(assignment: Assignment, worker: int) -> Routes:
    """Those of ``worker``, which has shards in this meeting."""
    order = sorted((w for w, run in assignment.shards.items() if run), key=lambda w: min(assignment.shards[w]))
    apart = bool(assignment.reducers) and assignment.reducers[0] not in assignment.workers.values()
    found = Routes(assignment.reducers, len(order), assignment.generation, assignment.levels, apart)
    parted = groups(order)
    if len(parted) == 1:
        return found
    group = next(group for group in parted if worker in group)
    place = group.index(worker)
    others = parted[place % len(parted)]
    half = others[(place + len(others) // 2) % len(others)]  # not a relay while there are few slices, never the same
    above = assignment.reducers[place : place + 1] if apart else [assignment.workers[half]]
    return found._replace(
        relays=[assignment.workers[w] + RELAY for w in group],
        above=above[0] if above else "",
        shards=frozenset(shard for w in group for shard in assignment.shards[w]),
    )


def groups(members: Sequence[Member]) -> list[Sequence[Member]]:
    """About √n groups of members that follow each other; one where there are less than four.

    All but the last one have a power of two: where every member has one shard, their parts join to one subtree.
    """
    size = max(2, 2 ** round(log2(len(members)) / 2))
    last = max(1, (len(members) + (size - 1) // 2) // size) - 1
    return [*(members[i * size : (i + 1) * size] for i in range(last)), members[last * size :]]


def slices_for(length: int, workers: int, reducers: int) -> int:
    """How many of the reducers a few workers use: no more than are needed for each to take in about a chunk a step.

    A small vector costs messages rather than bytes, and every further slice is another message for every worker.
    """
    return max(1, min(reducers, -(-workers * length // CHUNK)))


@lru_cache(maxsize=64)
def route(length: int, workers: int, reducers: int, *, apart: bool, levels: int | None = None) -> Route:
    """The cheapest way of a vector of so many elements; two levels where that is clearly less, or as ``levels`` says.

    ``reducers``: how many there are; ``apart``: whether they are processes of their own.
    """

    def costs(way: Route) -> float:
        return cost(way, length, workers, apart=apart)

    few, sizes = workers <= FEW, [len(group) for group in groups(range(workers))]
    one = Route(1, slices_for(length, workers, reducers))
    if not few:
        one = min((Route(1, n) for n in range(1, reducers + 1)), key=costs)
    if len(sizes) == 1 or levels == 1 or (few and levels is None):
        return one
    two = min((Route(2, n) for n in range(1, min(*sizes, reducers) + 1)), key=costs)
    return two if levels == 2 or costs(two) < CLEARLY * costs(one) else one


def cost(way: Route, length: int, workers: int, *, apart: bool) -> float:
    """Parts and their totals that a worker, its relay and a reducer handle in a step, with their bytes and the trips.

    All three are on the way of a sum, and may be in one process.
    """
    largest = -(-length // way.slices)
    each = len(chunk_bounds(0, largest)) + largest / MESSAGE
    if way.levels == 1:
        own = 0 if apart else 2  # its own slice goes by memory, at both ends
        return (way.slices + workers - own) * each + TRIP
    sizes = [len(group) for group in groups(range(workers))]
    return (way.slices + max(sizes) - 1 + len(sizes)) * each + 2 * TRIP
