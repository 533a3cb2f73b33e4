"""The cores that a process's threads run on.

Where the workers of one machine take all of its cores, each keeps to cores of its own, but for the threads that serve
the other workers: those keep off them.  Left to the system, a worker that wakes another one often draws it to its own
core, and both compute there in turn beside an idle one; and an answer that another worker waits for stays behind the
next step of its own worker.  A short step takes up to twice as long (``python -m benchmarks step``).
"""

import os
from collections.abc import Collection
from contextlib import suppress


def available_cores() -> frozenset[int]:
    """The cores that this thread may run on; none where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def cores_of_worker(slot: int, cores_each: int, workers: int, cores: Collection[int]) -> tuple[int, ...]:
    """Choose the cores of the worker in the ``slot``-th place; none unless the workers take just as many as there are.

    With cores to spare, the system finds an idle one, and two jobs must not be bound to the same ones.

    ``cores_each``: how many one worker computes on.
    ``cores``: those of this machine, or those that the job was given.
    """
    if len(cores) != cores_each * workers:
        return ()
    return tuple(sorted(cores)[slot * cores_each : (slot + 1) * cores_each])


def bind_thread(cores: Collection[int]) -> None:
    """Keep this thread, and the threads that it starts from now on, to these cores; none leaves them as they are."""
    if cores:
        with suppress(OSError):  # where a core has been taken away since, there is nothing to keep to
            os.sched_setaffinity(0, cores)
