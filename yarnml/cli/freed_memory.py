"""Freed memory that a process keeps for its next step: to get it anew costs a fault for each page."""

import contextlib
import ctypes

_TRIM_THRESHOLD = -1  # of <malloc.h>
_MMAP_THRESHOLD = -3
_LARGEST_KEPT = 32 << 20
_MOST_KEPT = 2 * _LARGEST_KEPT


def keep_freed_memory() -> None:
    """Let glibc keep what is freed: arrays of up to 32 MiB, 64 MiB at its end; other C libraries stay as they are.

    These are the bounds that glibc comes to by itself once an array of 32 MiB has been freed, as in worker processes.
    For a process of yarnml's own: a user's program would stay larger than it has to be.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
        library.mallopt(_TRIM_THRESHOLD, _MOST_KEPT)
