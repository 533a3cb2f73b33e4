"""The time of a step: seconds by phase, and traces of JAX's profiler for Perfetto or TensorBoard."""

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

import jax

from yarnml import storage

MAX_TRACED_STEPS = 50
"""Bounds the size of a trace, which grows with every step."""

Item = TypeVar("Item")


class PhaseClock:
    """Adds up seconds by phase; the time since the last lap belongs to the phase that ends."""

    def __init__(self, *phases: str) -> None:
        self.seconds = dict.fromkeys(phases, 0.0)
        self._since = time.perf_counter()

    def lap(self, phase: str) -> None:
        """End a phase, and begin the next one."""
        now = time.perf_counter()
        self.seconds[phase] += now - self._since
        self._since = now


def trace_first_steps(items: Iterable[Item], urls: Mapping[str, str]) -> Iterator[Item]:
    """Pass on all items, one a step; trace the first steps, and write the trace after them.

    ``urls``: of its files, by the endings of JAX's; without any nothing is traced.
    """
    rest = iter(items)
    if urls:
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder):
                yield from islice(rest, MAX_TRACED_STEPS)
            for ending, url in urls.items():
                (trace,) = Path(folder).rglob(f"*{ending}")
                storage.write(url, trace.read_bytes())
    yield from rest
