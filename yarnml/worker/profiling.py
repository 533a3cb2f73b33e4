"""Where the time of a step goes: seconds by phase, and traces of JAX's profiler for Perfetto or TensorBoard."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import jax

from yarnml import storage

STEPS = 50  # at most; a trace grows by the step

Item = TypeVar("Item")


class Clock:
    """Adds up seconds by phase; the time since the last lap belongs to the phase that ends."""

    def __init__(self, *phases: str) -> None:
        self.seconds = dict.fromkeys(phases, 0.0)
        self._since = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] += now - self._since
        self._since = now


def traced(items: Iterable[Item], url: str | None) -> Iterator[Item]:
    """The same items.  What is done with the first of them, step by step, is traced and then written to ``url``."""
    rest = iter(items)
    if url is not None:
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder):
                yield from islice(rest, STEPS)
            (found,) = Path(folder).rglob("*.trace.json.gz")
            storage.write(url, found.read_bytes())
    yield from rest
