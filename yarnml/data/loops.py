"""Loops over arrays that numba compiles, where it is installed."""

from collections.abc import Callable
from functools import cache
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


def compiled(function: Loop, signature: str) -> Loop:
    """Compile a function for these types, or load what was compiled before; it runs without the lock."""
    import numba

    try:
        return numba.njit(signature, cache=True, nogil=True)(function)
    except RuntimeError:  # there is no folder to keep compiled code in
        return numba.njit(signature, nogil=True)(function)
