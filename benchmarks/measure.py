"""How figures are taken: peers in turn, block by block, ratios pair by pair, disturbed rounds named and dropped."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import psutil

FOREIGN_CORES = 0.3  # of other programs' CPU time; a round with more is disturbed
ATTEMPTS = 3  # rounds tried for each one wanted


class Loop:
    """Hand-written loops in child processes that run a block at the same time; the slowest counts."""

    def __init__(self, workload: str, threads: int, processes: int, variables: dict[str, str] | None = None) -> None:
        lines = [[workload, str(threads), str(i), str(processes)] for i in range(processes)]
        self._children = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.loop", *line],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | (variables or {}),
            )
            for line in lines
        ]
        self._answers()

    def __call__(self) -> float:
        for child in self._children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        return max(self._answers())

    def _answers(self) -> list[float]:
        return [float(child.stdout.readline()) for child in self._children if child.stdout is not None]

    def close(self) -> None:
        for child in self._children:
            child.communicate()


def interleaved(peers: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each peer's blocks, one of each in turn; rounds that other programs disturbed are left out."""
    kept: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds * ATTEMPTS):
        start, before = time.monotonic(), _cpu()
        seconds = {name: block() for name, block in peers.items()}
        busy, own = (after - b for after, b in zip(_cpu(), before, strict=True))
        foreign = (busy - own) / (time.monotonic() - start)
        if foreign > FOREIGN_CORES:
            print(f"  (a round dropped: other programs used {foreign:.1f} cores)")
            continue
        for name, value in seconds.items():
            kept[name].append(value)
        if len(kept[name]) == rounds:
            break
    return kept


def _cpu() -> tuple[float, float]:
    """CPU seconds so far: of the whole machine, and of this process and its children."""
    t = psutil.cpu_times()
    busy = t.user + t.nice + t.system + t.irq + t.softirq + t.steal
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    times = [p.cpu_times() for p in family if p.is_running()]
    return busy, sum(c.user + c.system for c in times)


def spread(values: Sequence[float], unit: str = "") -> str:
    """'median (min-max) unit'."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g}){unit}"


def table(taken: dict[str, list[float]], steps: int, limit: str) -> None:
    """Milliseconds a step and the ratio to the limit, round by round."""
    rounds = len(taken[limit])
    if not rounds:
        print("  every round was disturbed; nothing to show")
        return
    print(f"  {rounds} rounds of {steps} steps; median (min-max)")
    for name, values in taken.items():
        ratios = [a / b for a, b in zip(taken[limit], values, strict=True)]
        milliseconds = [1e3 * v / steps for v in values]
        print(f"  {name:32} {spread(milliseconds, ' ms/step'):36} limit/this {spread(ratios)}")
