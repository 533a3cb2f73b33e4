"""What the exchange of one step costs, by the number of workers, reducers and elements: a small model.

Counting needs no model: how a vector is cut into slices and chunks is asked of `yarnml.reducer`, so a worker's messages
and bytes are known.  Processor time is taken to be linear in them,

    seconds = step + message · messages + byte · bytes        (of one process, both directions)

with numbers for a worker and for a reducer that are fitted to measured points (`fit`).  From there on:

* on one machine whose ``cores`` all processes share, a step takes the sum of their processor time over the cores, and
  no less than the way of one small message there and back (``trip``);
* on hosts of their own, every process has one core (Python runs one thread at a time) and a full-duplex link.  Chunks
  overlap, so a step takes as long as the busiest of the four does, processor or link, of worker or reducer, and
  ``trip`` besides.  The first chunk can't be answered before it is there: a link's time is that of one direction and a
  chunk.  Workers that reduce have the load of both roles.

Not in it: the computation, uneven workers, other traffic, switches that can't carry all links at once.
"""

from collections.abc import Mapping
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from yarnml.reducer import chunk_bounds, slice_bounds, slices_for

FLOAT = 4  # bytes


class Point(NamedTuple):
    """A step of ``workers`` that each give one vector of float32; 0 ``reducers``: the workers reduce."""

    workers: int
    reducers: int
    elements: int


class Load(NamedTuple):
    """What one process handles in a step, in and out, on the average of those in use."""

    messages: float
    bytes: float


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


def used(point: Point) -> int:
    """How many of the reducers get a slice."""
    return slices_for(point.elements, point.workers, point.reducers or point.workers)


def loads(point: Point) -> tuple[Load, Load]:
    """Of a worker and of a reducer.  A worker's own slice goes by memory."""
    guests = point.workers if point.reducers else point.workers - 1  # that a reducer gets parts from
    messages = 2 * guests * sum(len(chunk_bounds(*slice)) for slice in slice_bounds(point.elements, used(point)))
    bytes = 2 * guests * FLOAT * point.elements
    return Load(messages / point.workers, bytes / point.workers), Load(messages / used(point), bytes / used(point))


def fit(measured: Mapping[Point, Measured]) -> Efforts:
    """The efforts that come nearest to the measured processor times, each as important as its neighbour."""
    rows, none = [], [0.0, 0.0, 0.0]
    for point, found in measured.items():
        worker, reducer = ([1.0, *load] for load in loads(point))
        if point.reducers:
            rows.append(([*worker, *none], found.worker))
            rows.append(([*none, *reducer], found.reducer * point.reducers / used(point)))
        else:
            share = used(point) / point.workers
            rows.append(([*worker, *(share * value for value in reducer)], found.worker))
    relative = np.array([[value / seconds for value in row] for row, seconds in rows if seconds > 0])
    scale = relative.max(axis=0, initial=1e-300)
    numbers = [float(n) for n in nnls(relative / scale, np.ones(len(relative)))[0] / scale]
    trip = min((found.seconds for point, found in measured.items() if loads(point)[0].messages), default=0.0)
    return Efforts(Effort(*numbers[:3]), Effort(*numbers[3:]), trip)


def on_one_machine(point: Point, efforts: Efforts, cores: int) -> float:
    """Seconds of a step where all processes share the cores."""
    worker, reducer = loads(point)
    processor = point.workers * efforts.worker.of(worker) + used(point) * efforts.reducer.of(reducer)
    return max(processor / cores, efforts.trip if worker.messages else 0.0)


def on_hosts(point: Point, efforts: Efforts, link: float) -> Prediction:
    """Seconds of a step where every process has a host and a link of so many bytes a second of its own."""
    worker, reducer = loads(point)
    chunks = max(len(chunk_bounds(*slice)) for slice in slice_bounds(point.elements, used(point)))
    busy = {
        "a worker's processor": efforts.worker.of(worker),
        "a reducer's processor": efforts.reducer.of(reducer),
        "a worker's link": worker.bytes / 2 / link * (1 + 1 / chunks),
        "a reducer's link": reducer.bytes / 2 / link * (1 + 1 / chunks),
    }
    if not point.reducers:
        busy["a worker's processor"] += busy["a reducer's processor"]
        busy["a worker's link"] = max(busy["a worker's link"], busy["a reducer's link"])
    bottleneck = max(busy, key=lambda name: busy[name])
    return Prediction(efforts.trip + busy[bottleneck], bottleneck)


def in_two_levels(point: Point, efforts: Efforts, link: float) -> float:
    """The same with a second level of reducers: about √workers groups, each with a total of its own first."""
    group = ceil(sqrt(point.workers))
    groups = ceil(point.workers / group)
    return sum(on_hosts(point._replace(workers=n), efforts, link).seconds for n in (group, groups))
