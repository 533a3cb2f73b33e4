"""The cores that a process's threads run on.

Where the workers of one machine take all of its cores, each keeps to cores of its own, but for the threads that serve
the other workers: those keep off them.  Left to the system, a worker that wakes another one often draws it to its own
core, and both compute there in turn beside an idle one; and an answer that somebody waits for stays behind the next
step of its own worker.  A short step takes up to twice as long (``python -m benchmarks step``).
"""

import os
from collections.abc import Collection
from contextlib import suppress


def available() -> frozenset[int]:
    """Those that this thread may run on; none where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def share(slot: int, each: int, workers: int, cores: Collection[int]) -> tuple[int, ...]:
    """The cores of the worker in the ``slot``-th place; none unless the workers take just as many as there are.

    With cores to spare, the system finds an idle one, and two jobs must not be bound to the same ones.
    """
    return tuple(sorted(cores)[slot * each : (slot + 1) * each]) if len(cores) == each * workers else ()


def bind(cores: Collection[int]) -> None:
    """This thread runs on these from now on, and so do the threads that start from it; none: wherever it may now."""
    if cores:
        with suppress(OSError):  # where a core has been taken away since, there is nothing to keep to
            os.sched_setaffinity(0, cores)
