"""The memory that a process may have, and whether a model fits into it: what does not is refused before it is made."""

import contextlib
import math
import os
import resource
from pathlib import Path
from typing import Any

import jax

from yarnml.errors import JobFileError
from yarnml.learners.base import Learner
from yarnml.learners.noise import key_of
from yarnml.learners.precision import precision_of

COPIES = 2
"""The least number of times that a state is in memory at an update: as it was, and as it will be."""

_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_fits(learner: Learner, memory: int, older: int = 0, *, is_sharded: bool = False) -> None:
    """Refuse a learner whose state, its parameters and those of its optimizer, is larger than this memory in bytes.

    ``older``: how many older states are kept beside it.
    ``is_sharded``: the processes share what the optimizer keeps, so that one of them may have next to nothing of it.
    """
    try:
        with precision_of(learner):
            state = jax.eval_shape(learner.init, key_of(0))
    except (OverflowError, MemoryError) as exc:
        raise JobFileError(f"learner: the model has more parameters than can be counted: {exc}.") from exc
    if is_sharded:
        state = state._replace(optimizer=None)
    size = (COPIES + older) * bytes_of(state)
    if size > memory:
        raise JobFileError(
            f"learner: the model needs {size / 2**30:,.1f} GiB for its parameters and the optimizer's state, and this "
            f"process can have {memory / 2**30:,.1f} GiB; make the learner smaller, or give it a machine with more."
        )


def bytes_of(state: Any) -> int:
    """The size of a state by its shapes."""
    return sum(math.prod(leaf.shape) * _item_size(leaf) for leaf in jax.tree.leaves(state))


def available() -> int:
    """The bytes that this process can have at most: of the machine, of its control group, of its own limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    own, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits += [own] if own != resource.RLIM_INFINITY else []
    for file in _CGROUP_FILES:
        with contextlib.suppress(OSError, ValueError):  # no such group, or "max"
            limits.append(int(Path(file).read_text()))
    return min(limits)


def peak() -> int:
    """The most bytes that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _item_size(leaf: Any) -> int:
    """Bytes of one element; a key of random numbers counts as one number."""
    return int(getattr(leaf.dtype, "itemsize", 4))
