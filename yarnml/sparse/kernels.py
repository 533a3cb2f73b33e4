"""Inner loops over keys: which are the same, where they are in a table, the sum of two runs, and updates of rows.

They only compare, move, add, multiply, divide and take roots, one after another, so NumPy and numba give the same bits.
numba, the extra ``yarnml[sparse]``, is many times faster; without it NumPy does the work.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from yarnml.sparse import kernels_in_numba, kernels_in_numpy


class Kernels(NamedTuple):
    """Functions that write into their last arguments.

    ``number(keys, before, progress, slot_keys, slot_numbers, numbers, new)``: the number of every key, as `find`; keys
    that are not there are put in and get the next numbers, in the order in which they first come.
        keys: uint64 [keys], any of them more than once.  before: how many keys there were when ``new`` was empty.
        progress: int64 [2], how many of ``keys`` have their number, and how many keys there are in the table.  It goes
        on from there, and stops where the table would be more than half full: the first is less than all then.
        slot_keys: uint64 [slots], slot_numbers: int32 [slots], -1 where there is no key: a hash table with open
        addressing; slots is a power of two.
        numbers: int32 [keys].  new: uint64 [keys], filled as far as there are new keys.

    ``find(keys, slot_keys, slot_numbers, numbers)``: the number of every key, -1 for one that is not there.

    ``merge(left_keys, left_values, right_keys, right_values, keys, values)``: the sum of two runs; see
    `yarnml.sparse.run.merge`.  Returns how many keys it has.
        values: float32 [keys, width].

    ``order(keys, starts, order)``: the places of different keys in ascending order.  False where they can't be told
    apart by their highest bits, so that another way is quicker.
        starts: int64 [a power of two, and 1], to work with.  order: int64 [keys].

    ``ftrl_weights(rows, alpha, beta, l1, l2, weights)``: the weights of rows that FTRL keeps; see
    `yarnml.sparse.rules.FtrlRule`.
        rows: float32 [keys, 2 · width], z and n.  alpha, beta, l1, l2: float32.  weights: float32 [keys, width].

    ``ftrl_update(rows, sums, alpha, beta, l1, l2, following)``: the next rows, given the sums of their gradients.
        sums: float32 [keys, width].  following: float32 [keys, 2 · width].
    """

    number: Callable[..., Any]
    find: Callable[..., Any]
    merge: Callable[..., Any]
    order: Callable[..., Any]
    ftrl_weights: Callable[..., Any]
    ftrl_update: Callable[..., Any]


NUMPY = Kernels(*(getattr(kernels_in_numpy, name) for name in Kernels._fields))

_SIGNATURES = (
    "void(uint64[::1], int64, int64[::1], uint64[::1], int32[::1], int32[::1], uint64[::1])",
    "void(uint64[::1], uint64[::1], int32[::1], int32[::1])",
    "int64(uint64[::1], float32[:, ::1], uint64[::1], float32[:, ::1], uint64[::1], float32[:, ::1])",
    "boolean(uint64[::1], int64[::1], int64[::1])",
    "void(float32[:, ::1], float32, float32, float32, float32, float32[:, ::1])",
    "void(float32[:, ::1], float32[:, ::1], float32, float32, float32, float32, float32[:, ::1])",
)


@cache
def kernels() -> Kernels:
    """The loops compiled by numba where it is installed, else NumPy's functions."""
    try:
        import numba
    except ImportError:
        return NUMPY

    def compiled(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
        try:
            return numba.njit(signature, cache=True, nogil=True)(function)
        except RuntimeError:  # there is no folder to keep compiled code in
            return numba.njit(signature, nogil=True)(function)

    loops = Kernels(*(getattr(kernels_in_numba, name) for name in Kernels._fields))
    return Kernels(*(compiled(loop, signature) for loop, signature in zip(loops, _SIGNATURES, strict=True)))
