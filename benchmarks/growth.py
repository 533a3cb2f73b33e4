"""Growth of a step with workers and reducers: many processes of this machine that only add up vectors.

They talk by Flight with TLS, as containers do, since hosts are what the model is for.  Prints seconds, processor time,
messages and bytes by role; then what the model of `benchmarks.costs`, fitted to the smaller half of the points, says of
all of them, and of 10 to 1,000 hosts, in one level and in two.  At last some whole workers, with their master, at a
model of one number: what a step costs besides the all-reduce.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median, median_low

import numpy as np

from benchmarks import tables
from benchmarks.costs import Efforts, Load, Measured, Point, fit, handled, loads, on_hosts, on_one_machine, relays, way
from benchmarks.crowd import Block, crowd
from benchmarks.measure import CORES, align, repeated, spread
from benchmarks.step import Engine
from benchmarks.tables import Table
from benchmarks.workloads import HERE, LARGE, SMALL
from yarnml.clusters.local import open_crew
from yarnml.job.load import load_job

LINK_BYTES_A_SECOND = 10e9 / 8  # 10 GbE
HOSTS = (10, 30, 100, 300, 1000)
MIN_WORKERS_FOR_TWO_LEVELS = 16
PLACE = ["workers", "reducers", "elements"]


def main(
    workers: str = "1,2,4,8,16,32,64",
    reducers: str = "0,1,2,4,8",
    elements: str = "1000,1000000",
    seconds: float = 0.3,
    rounds: int = 2,
    levels: str = "1,2",
    whole: str = "1,2,4,8",
    sockets: bool = False,
) -> None:
    """Steps with more and more workers and reducers (0: the workers reduce), and a model of what they cost.

    With two levels of reducers from 16 workers on.

    They talk by Flight with TLS, as containers do; with --sockets as the processes of one machine do.
    """
    grid = [Point(*at) for at in product(numbers(workers), numbers(reducers), numbers(elements), numbers(levels))]
    enough = [point for point in grid if point.levels == 1 or point.workers >= MIN_WORKERS_FOR_TWO_LEVELS]
    points = [point for point in enough if way(point).slices >= point.reducers]  # one more would get nothing
    by = "sockets" if sockets else "Flight with TLS"
    print(f"growth: {len(points)} points, processes that only exchange, by {by}, {rounds} x {seconds:g} s at each")
    with crowd(points, flight=not sockets) as processes:
        taken = {p: repeated(partial(processes.run, p, seconds), rounds) for p in points}
    if kept := {point: blocks for point, blocks in taken.items() if blocks}:
        show(kept)
    else:
        print("  every round was disturbed; nothing to show")
    for count in numbers(whole):
        measure_whole(count, seconds, rounds)


def numbers(text: str) -> list[int]:
    """'1,2,4' → [1, 2, 4]."""
    return [int(word) for word in text.split(",") if word]


def show(taken: Mapping[Point, Sequence[Block]]) -> None:
    measured = {
        point: Measured(*(median(getattr(b, field) for b in blocks) for field in Measured._fields))
        for point, blocks in taken.items()
    }
    middle = median_low([point.workers for point in measured if loads(point).worker.messages] or [1])
    efforts = fit({point: figures for point, figures in measured.items() if point.workers <= middle})
    print(
        "  ms: a step's, and processor time of one worker, one reducer, the busiest process; messages, MB: in and out"
    )
    print(
        "  of one worker, with what it passes on, of one relay where there are two levels, and of one reducer; model:"
    )
    print(f"  fitted to the points of up to {middle} workers, for {CORES} cores that all share")
    titles = ["ms/step", "worker ms", "reducer ms", "busiest ms", "messages", "MB", "model ms"]
    lines = [_line(point, blocks, measured[point], efforts) for point, blocks in taken.items()]
    align([[*PLACE, "levels", *titles], *lines])
    for wrong in (text for point, blocks in taken.items() if (text := _differs(point, blocks[0]))):
        print(f"  {wrong}")
    for role, effort in (("worker", efforts.worker), ("reducer", efforts.reducer)):
        print(
            f"  fitted: a {role} spends {1e6 * effort.step:.0f} µs a step, {1e6 * effort.message:.0f} µs a message, "
            f"{1e9 * effort.byte:.2g} ns a byte"
        )
    print("  predicted, every process on a host of its own with 10 GbE; levels: what a job takes by itself")
    titles = ["ms/step, one level", "bottleneck", "ms/step, two", "bottleneck", "levels"]
    align([[*PLACE, *titles], *predicted(efforts, max(point.reducers for point in measured))])


def _line(point: Point, blocks: Sequence[Block], figures: Measured, efforts: Efforts) -> list[str]:
    of = loads(point)
    ends = [handled(point), *([of.relay] if relays(point) else []), of.reducer]
    return [
        *_place(point),
        str(point.levels),
        spread([1e3 * block.seconds for block in blocks]),
        f"{1e3 * figures.worker:.3g}",
        f"{1e3 * figures.reducer:.3g}" if point.reducers else "",
        f"{1e3 * median(block.busiest for block in blocks):.3g}",
        ", ".join(f"{end.messages:.3g}" for end in ends),
        ", ".join(f"{end.bytes / 1e6:.3g}" for end in ends),
        f"{1e3 * on_one_machine(point, efforts, CORES):.3g}",
    ]


def _place(point: Point) -> list[str]:
    return [str(point.workers), str(point.reducers or "in workers"), str(point.elements)]


def _differs(point: Point, block: Block) -> str:
    """Compare the transport's counts with the model's; an empty text where they are equal."""
    counted = Load(block.messages, block.bytes)
    expected = Load(*(point.workers * n for n in handled(point)))
    if np.allclose(counted, expected, rtol=1e-9):
        return ""
    return f"WRONG: {point}: counted {counted}, the model says {expected}"


def predicted(efforts: Efforts, apart: int) -> Iterator[list[str]]:
    """Lines for hosts whose workers reduce, and for ``apart`` reducers of their own, in one level and in two."""
    for elements in (SMALL.parameters, LARGE.parameters):
        for hosts in HOSTS:
            for point in (Point(hosts, 0, elements), Point(hosts, apart, elements))[: 1 + bool(apart)]:
                predictions = [
                    on_hosts(point._replace(levels=levels), efforts, LINK_BYTES_A_SECOND) for levels in (1, 2)
                ]
                cells = (text for seconds, slow in predictions for text in (f"{1e3 * seconds:.3g}", slow))
                yield [*_place(point), *cells, str(way(point._replace(levels=None)).levels)]


def measure_whole(workers: int, seconds: float, rounds: int) -> None:
    """Whole workers with a model of one number: seconds of a step, and what the master has to do."""
    table = Table(8192, 28)
    with tempfile.TemporaryDirectory() as folder:
        learner = {"path": f"{HERE / 'models.py'}:Idle", "optimizer": {"kind": "sgd", "learning_rate": 0.001}}
        training = {"epochs": 1, "batch_size": 8 * workers}
        spec = tables.job(table, str(tables.write(table)), Path(folder), learner, training)
        spec["workers"] |= {"count": workers}
        job = load_job(spec)
        with open_crew(job, folder, lambda event: None) as crew:
            engine = Engine(crew, job, 1, warm=20)
            steps = max(20, round(20 * seconds / engine.train(20)))
            calls = crew.traffic[0]
            began = time.perf_counter()
            cpu = time.process_time()
            taken = repeated(lambda: engine.train(steps) / steps, rounds)
            calls, passed = crew.traffic[0] - calls, time.perf_counter() - began
            cpu = time.process_time() - cpu
    if taken:
        print(
            f"  {workers} whole workers: {spread([1e3 * s for s in taken])} ms/step; their master answers "
            f"{calls / passed:.0f} calls a second and uses {100 * cpu / passed:.0f} % of a core"
        )
