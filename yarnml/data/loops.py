"""Loops over arrays that numba compiles, where it is installed."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

Loop = Callable[..., Any]


@cache
def has_numba() -> bool:
    """Tell whether there is a numba to compile loops; it is loaded then."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def compiled(function: Loop, *signatures: str) -> Loop:
    """Compile a function for these types, or load what was compiled before.

    It runs without Python's lock.  A division by 0 gives what NumPy's does: a loop that looked for one would take its
    numbers one by one.
    """
    import numba

    jit = partial(numba.njit, list(signatures), nogil=True, error_model="numpy")
    try:
        return jit(cache=True)(function)
    except RuntimeError:  # there is no folder to keep compiled code in
        return jit()(function)
