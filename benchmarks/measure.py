"""Measuring: peers in turn, block by block, ratios pair by pair, disturbed rounds named and dropped."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import psutil

CORES = 2
"""Cores of everything that a benchmark starts, taken together."""

MAX_FOREIGN_CORES = 0.3
"""A round is disturbed when other programs use more than this many cores in it."""

ATTEMPTS_PER_ROUND = 3
"""Rounds that are tried for each one that is asked for, at most."""

Figure = TypeVar("Figure")


class Column(NamedTuple):
    """One figure of a table, out of what a block answered; ``compared``: with its ratio to the limit's."""

    title: str
    of: Callable[[Any], float]
    compared: bool = False


def hold() -> None:
    """Keep this process, and all that it starts from now on, to ``CORES`` processors."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def interleaved(peers: Mapping[str, Callable[[], Figure]], rounds: int) -> dict[str, list[Figure]]:
    """Run one block of each peer in turn; return their answers, without rounds that other programs disturbed."""
    kept: dict[str, list[Figure]] = {name: [] for name in peers}
    dropped = []
    for _ in range(rounds * ATTEMPTS_PER_ROUND):
        start = time.monotonic()
        before = _cpu()
        answers = {name: block() for name, block in peers.items()}
        busy, own = (after - b for after, b in zip(_cpu(), before, strict=True))
        foreign = (busy - own) / (time.monotonic() - start)
        if foreign > MAX_FOREIGN_CORES:
            dropped.append(foreign)
            continue
        for name, answer in answers.items():
            kept[name].append(answer)
        if all(len(answers) == rounds for answers in kept.values()):
            break
    if dropped:
        print(f"  (rounds dropped: {len(dropped)}; other programs used {spread(dropped, ' cores')})")
    return kept


def repeated(block: Callable[[], Figure], rounds: int) -> list[Figure]:
    """Run one block again and again; return its answers, without rounds that other programs disturbed."""
    return interleaved({"": block}, rounds)[""]


def _cpu() -> tuple[float, float]:
    """CPU seconds so far: of the whole machine; of this process and its children, as `own_cpu`."""
    t = psutil.cpu_times()
    return t.user + t.nice + t.system + t.irq + t.softirq + t.steal, own_cpu()


def own_cpu() -> float:
    """CPU seconds so far of this process, its children, and their children that have ended."""
    own = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            c = process.cpu_times()
            own += c.user + c.system + c.children_user + c.children_system
    return own


def own_memory() -> float:
    """Bytes that this process and its children have in memory; pages that they share count in each."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def spread(values: Sequence[float], unit: str = "") -> str:
    """'median (min-max) unit', or one number where all are the same."""
    low, middle, high = (f"{of(values):.3g}" for of in (min, statistics.median, max))
    return f"{middle}{unit}" if low == high else f"{middle} ({low}-{high}){unit}"


def report(taken: Mapping[str, Sequence[Any]], columns: Sequence[Column], limit: str) -> None:
    """A line for every peer: its figures, and where they are compared, limit / this, round by round."""
    rounds = len(taken[limit])
    if not rounds:
        print("  every round was disturbed; nothing to show")
        return
    print(f"  rounds: {rounds}; median (min-max)")
    lines = [["", *(cell for c in columns for cell in ([c.title, "limit/this"] if c.compared else [c.title]))]]
    for name, answers in taken.items():
        line = [name]
        for column in columns:
            values = [column.of(answer) for answer in answers]
            line.append(spread(values))
            if column.compared:
                line.append(spread([column.of(a) / v for a, v in zip(taken[limit], values, strict=True)]))
        lines.append(line)
    align(lines)


def table(taken: Mapping[str, Sequence[float]], steps: int, limit: str) -> None:
    """Milliseconds a step, for blocks that answer with their seconds."""
    report(taken, [Column(f"ms/step of {steps}", lambda seconds: 1e3 * seconds / steps, compared=True)], limit)


def align(lines: Sequence[Sequence[str]]) -> None:
    """Print cells in columns."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        print("  " + "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
