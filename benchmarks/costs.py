"""A small model of the cost of one step's all-reduce, by the number of workers, reducers, levels and elements.

Counting needs no model: the way of a vector is asked of `yarnml.reduce.routing`, its cut into chunks of
`yarnml.reduce.reducer`, so messages and bytes are known.  Processor time is taken to be linear in them,

    seconds = step + message · messages + byte · bytes        (of one process, both directions)

with numbers for a worker and for a reducer that are fitted to measured points (`fit`).  A relay is a reducer for its
group, and a worker for the reducer above.  From there on:

* on one machine whose ``cores`` all processes share, a step takes the sum of their processor time over the cores, and
  no less than the way of one small message there and back (``trip``);
* on hosts of their own, every process has one core (Python runs one thread at a time) and a full-duplex link.  Chunks
  overlap, so a level takes as long as the busiest of the four does, processor or link, of sender or receiver, and
  ``trip`` besides.  The first chunk can't be answered before it is there: a link's time is that of one direction and a
  chunk.  Workers that reduce have the load of both roles.  Two levels take as long as one after the other.

Not in it: the computation, uneven workers, other traffic, switches that can't carry all links at once.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from yarnml.reduce.chunks import chunk_bounds, slice_bounds
from yarnml.reduce.routing import Route, cheapest_route, groups
from yarnml.reduce.tree import combine

FLOAT = 4  # bytes

_NOTHING = np.empty(0, np.float32)  # to count what is joined, not to add


class Point(NamedTuple):
    """A step of ``workers`` that each give one vector of float32; 0 ``reducers``: the workers reduce.

    ``levels``: of reducers; None: what costs less.
    """

    workers: int
    reducers: int
    elements: int
    levels: int | None = 1


class Load(NamedTuple):
    """Messages and bytes of one process in a step, in and out, on the average of those in use."""

    messages: float
    bytes: float


class Loads(NamedTuple):
    """The loads of all roles: a worker for itself, a relay below and above (``upward``), a reducer."""

    worker: Load
    relay: Load
    upward: Load
    reducer: Load


class Measured(NamedTuple):
    """Seconds of a step, and of processor time of one worker and one reducer; 0 where the workers reduce."""

    seconds: float
    worker: float
    reducer: float


class Effort(NamedTuple):
    """Seconds of processor time."""

    step: float
    message: float
    byte: float

    def of(self, load: Load) -> float:
        return self.step + self.message * load.messages + self.byte * load.bytes


class Efforts(NamedTuple):
    worker: Effort
    reducer: Effort
    trip: float


class Prediction(NamedTuple):
    """Seconds of a step, and what would have to be quicker."""

    seconds: float
    bottleneck: str


def way(point: Point) -> Route:
    """The route of a vector: its levels, where there are enough workers, and how many of the reducers get a slice."""
    reducers = point.reducers or point.workers
    return cheapest_route(point.elements, point.workers, reducers, dedicated=bool(point.reducers), levels=point.levels)


def relays(point: Point) -> int:
    """The number of relays; 0 in one level."""
    levels, slices = way(point)
    return slices * len(groups(range(point.workers))) if levels == 2 else 0


def loads(point: Point) -> Loads:
    """A worker's own slice goes by memory.  What a relay passes on never does."""
    levels, slices = way(point)
    chunks = sum(len(chunk_bounds(*slice)) for slice in slice_bounds(point.elements, slices))

    def load(vectors: float, processes: int) -> Load:
        """The load of each process, where so many whole vectors go one way and are spread over them."""
        return Load(vectors * chunks / processes, vectors * FLOAT * point.elements / processes)

    if levels == 1:
        both = 2 * (point.workers if point.reducers else point.workers - 1)  # there and back
        return Loads(load(both, point.workers), Load(0, 0), Load(0, 0), load(both, slices))
    parted = groups(range(point.workers))
    count = relays(point)
    below = 2 * (point.workers - len(parted))
    above = sum(len(combine(dict.fromkeys(group, _NOTHING), point.workers)) + 1 for group in parted)
    return Loads(load(below, point.workers), load(below, count), load(above, count), load(above, slices))


def handled(point: Point) -> Load:
    """The load of one worker's streams, on the average of all, with what its relay passes on."""
    of = loads(point)
    share = relays(point) / point.workers
    return Load(*(own + share * up for own, up in zip(of.worker, of.upward, strict=True)))


def fit(measured: Mapping[Point, Measured]) -> Efforts:
    """The efforts that come nearest to the measured processor times, each as important as its neighbour."""
    rows: list[tuple[list[float], float]] = []
    for point, figures in measured.items():
        of = loads(point)
        slices = way(point).slices
        share = relays(point) / point.workers
        worker = [1.0, *handled(point)]
        below = [share * n for n in (1.0, *of.relay)]
        above = [slices / (point.reducers or point.workers) * n for n in (1.0, *of.reducer)]
        if point.reducers:
            rows += [([*worker, *below], figures.worker), ([0.0, 0.0, 0.0, *above], figures.reducer)]
        else:
            rows.append(([*worker, *(a + b for a, b in zip(below, above, strict=True))], figures.worker))
    relative = np.array([[value / seconds for value in row] for row, seconds in rows if seconds > 0])
    scale = relative.max(axis=0, initial=1e-300)
    numbers = [float(n) for n in nnls(relative / scale, np.ones(len(relative)))[0] / scale]
    trip = min((figures.seconds for point, figures in measured.items() if loads(point).worker.messages), default=0.0)
    return Efforts(Effort(*numbers[:3]), Effort(*numbers[3:]), trip)


def on_one_machine(point: Point, efforts: Efforts, cores: int) -> float:
    """Seconds of a step where all processes share the cores."""
    of = loads(point)
    worker, reducer, trip = efforts
    processor = point.workers * worker.of(of.worker) + way(point).slices * reducer.of(of.reducer)
    processor += relays(point) * (reducer.of(of.relay) + worker._replace(step=0.0).of(of.upward))
    return max(processor / cores, trip * way(point).levels if of.worker.messages else 0.0)


def on_hosts(point: Point, efforts: Efforts, link: float) -> Prediction:
    """Seconds of a step where every process has a host and a link of so many bytes a second of its own."""
    of = loads(point)
    levels, slices = way(point)
    chunks = max(len(chunk_bounds(*slice)) for slice in slice_bounds(point.elements, slices))

    def level(names: Sequence[str], sender: Load, receiver: Load, *, together: bool) -> Prediction:
        """The busiest of four; ``together``: whether those who send receive, too."""
        name, other = names
        wire = (1 + 1 / chunks) / 2 / link
        busy = {
            f"{name} processor": efforts.worker.of(sender),
            f"{other} processor": efforts.reducer.of(receiver),
            f"{name} link": sender.bytes * wire,
            f"{other} link": receiver.bytes * wire,
        }
        if together:
            busy[f"{name} processor"] += busy[f"{other} processor"]
            busy[f"{name} link"] = max(busy[f"{name} link"], busy[f"{other} link"])
        bottleneck = max(busy, key=lambda what: busy[what])
        return Prediction(efforts.trip + busy[bottleneck], bottleneck)

    if levels == 1:
        return level(("a worker's", "a reducer's"), of.worker, of.reducer, together=not point.reducers)
    first = level(("a worker's", "a relay's"), of.worker, of.relay, together=True)
    second = level(("a relay's", "a reducer's"), of.upward, of.reducer, together=False)
    return Prediction(first.seconds + second.seconds, max(first, second).bottleneck)
