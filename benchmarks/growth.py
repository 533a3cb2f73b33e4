"""How a step grows with workers and reducers: many processes of this machine that only exchange vectors.

They talk by Flight with TLS, as containers do, since hosts are what the model is for.  Prints seconds, processor time,
messages and bytes by role; then what the model of `benchmarks.costs`, fitted to the smaller half of the points, says of
all of them, and of 10 to 1,000 hosts.  At last some whole workers, with their master, at a model of one number: what a
step costs besides the exchange.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median, median_low

from benchmarks import tables
from benchmarks.costs import Efforts, Measured, Point, fit, in_two_levels, loads, on_hosts, on_one_machine, used
from benchmarks.crowd import Block, crowd
from benchmarks.measure import CORES, align, repeated, spread
from benchmarks.step import Engine
from benchmarks.tables import Table
from benchmarks.workloads import HERE, LARGE, SMALL
from yarnml.clusters.local import open_crew
from yarnml.spec import load_job

LINK = 10e9 / 8  # bytes a second of 10 GbE
HOSTS = (10, 30, 100, 300, 1000)


def main(
    workers: str = "1,2,4,8,16,32,64",
    reducers: str = "0,1,2,4,8",
    elements: str = "1000,1000000",
    seconds: float = 0.3,
    rounds: int = 2,
    whole: str = "1,2,4,8",
    sockets: bool = False,
) -> None:
    """Steps with more and more workers and reducers (0: the workers reduce), and a model of what they cost.

    They talk by Flight with TLS, as containers do; with --sockets as the processes of one machine do.
    """
    grid = [Point(w, r, n) for n in numbers(elements) for w in numbers(workers) for r in numbers(reducers)]
    points = [point for point in grid if used(point) >= point.reducers]  # one more would get nothing
    way = "sockets" if sockets else "Flight with TLS"
    print(f"growth: {len(points)} points, processes that only exchange, by {way}, {rounds} x {seconds:g} s at each")
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
    middle = median_low([point.workers for point in measured if loads(point)[0].messages] or [1])
    efforts = fit({point: found for point, found in measured.items() if point.workers <= middle})
    print("  ms: a step's, and processor time of one worker, one reducer; messages, MB: in and out of one worker, one")
    print(f"  reducer; model: fitted to the points of up to {middle} workers, for {CORES} cores that all share")
    titles = ["workers", "reducers", "elements", "ms/step", "worker ms", "reducer ms", "messages", "MB", "model ms"]
    align([titles, *(_line(point, blocks, measured[point], efforts) for point, blocks in taken.items())])
    for wrong in (text for point, blocks in taken.items() if (text := _differs(point, blocks[0]))):
        print(f"  {wrong}")
    for role, effort in (("worker", efforts.worker), ("reducer", efforts.reducer)):
        print(
            f"  fitted: a {role} spends {1e6 * effort.step:.0f} µs a step, {1e6 * effort.message:.0f} µs a message, "
            f"{1e9 * effort.byte:.2g} ns a byte"
        )
    print("  predicted, every process on a host of its own with 10 GbE:")
    titles = ["hosts", "reducers", "elements", "ms/step", "bottleneck", "ms/step in two levels"]
    align([titles, *predicted(efforts, max(point.reducers for point in measured))])


def _line(point: Point, blocks: Sequence[Block], found: Measured, efforts: Efforts) -> list[str]:
    worker, reducer = loads(point)
    return [
        *_place(point),
        spread([1e3 * block.seconds for block in blocks]),
        f"{1e3 * found.worker:.3g}",
        f"{1e3 * found.reducer:.3g}" if point.reducers else "",
        f"{worker.messages:.3g}, {reducer.messages:.3g}",
        f"{worker.bytes / 1e6:.3g}, {reducer.bytes / 1e6:.3g}",
        f"{1e3 * on_one_machine(point, efforts, CORES):.3g}",
    ]


def _place(point: Point) -> list[str]:
    return [str(point.workers), str(point.reducers or "in workers"), str(point.elements)]


def _differs(point: Point, block: Block) -> str:
    """What the transport counted, where the model counts otherwise."""
    counted, said = (block.messages / point.workers, block.bytes / point.workers), tuple(loads(point)[0])
    return "" if counted == said else f"WRONG: {point}: a worker counted {counted}, the model says {said}"


def predicted(efforts: Efforts, apart: int) -> Iterator[list[str]]:
    """With the workers reducing, and with so many reducers apart."""
    for elements in (SMALL.parameters, LARGE.parameters):
        for hosts in HOSTS:
            for point in (Point(hosts, 0, elements), Point(hosts, apart, elements))[: 1 + bool(apart)]:
                seconds, bottleneck = on_hosts(point, efforts, LINK)
                two = in_two_levels(point, efforts, LINK)
                yield [*_place(point), f"{1e3 * seconds:.3g}", bottleneck, f"{1e3 * two:.3g}"]


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
            calls, began, cpu = crew.traffic[0], time.perf_counter(), time.process_time()
            taken = repeated(lambda: engine.train(steps) / steps, rounds)
            calls, passed = crew.traffic[0] - calls, time.perf_counter() - began
            cpu = time.process_time() - cpu
    if taken:
        print(
            f"  {workers} whole workers: {spread([1e3 * s for s in taken])} ms/step; their master answers "
            f"{calls / passed:.0f} calls a second and uses {100 * cpu / passed:.0f} % of a core"
        )
