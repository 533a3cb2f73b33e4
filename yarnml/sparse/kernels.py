"""Inner loops over keys: which are the same, where they are in a table, the sum of two runs, and updates of rows.

They only compare, move, add, multiply, divide and take roots, one after another, so NumPy and numba give the same bits.
numba, the extra ``yarnml[sparse]``, is many times faster; without it NumPy does the work.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from yarnml.data.loops import compiled, has_numba
from yarnml.sparse import kernels_in_numba, kernels_in_numpy


class Kernels(NamedTuple):
    """Functions that write into their last arguments.

    ``number(keys, shift, progress, slots, known, numbers)``: the number of every key, as `find`; keys that are not
    there are put in and get the next numbers, in the order in which they first come.
        keys: uint64 [keys], any of them more than once; for this function and the next two also uint32, as ``known``.
        slots: int32 [slots], the number of the key that lies there, -1 for none: a hash table with open addressing.
        shift: uint64, 64 less the logarithm of slots, which is a power of two.
        known: uint64, each key by its number, with room for new ones.
        progress: int64 [2], how many of ``keys`` have their number, and how many keys there are in the table.  It goes
        on from there, and stops where the table would be more than half full: the first is less than all then.
        numbers: int32 [keys].

    ``place(known, shift, slots)``: put these different keys into empty slots.

    ``first(keys, shift, slots, numbers)``: what lies in the first slot of every key, which is its number, or -1, where
    no other key has the same one.

    ``find(keys, shift, slots, known, numbers)``: the number of every key, -1 for one that is not there.

    ``merge(left_keys, left_values, right_keys, right_values, keys, values)``: the sum of two runs; see
    `yarnml.sparse.run.merge`.  Returns how many keys it has.
        values: float32 [keys, width].

    ``in_both(left, right, left_places, right_places)``: the places of the keys that are in both, of which each has
    ascending ones: among the first, and among the second.  Returns how many they are.
        left_places, right_places: int32, of the length of the shorter.

    ``order(keys, shift, starts, order)``: the places of different keys in ascending order.  False where they
    can't be told apart by their highest bits, so that another way is quicker.
        starts: int64 [a power of two, and 1], to work with; shift: as above, of this power.  order: int64 [keys].

    ``row_sums(place, offsets, values, weights, sums)``: Σ over the entries of every row of weight · value, in order.
        place: int32 [entries], the key of each.  offsets: int64 [rows + 1], the entries of each row.
        values: float32 [entries], or none where all are 1.  weights: float32 [keys].  sums: float32 [rows].

    ``key_sums(place, offsets, values, slopes, sums)``: Σ over the entries of every key of the row's slope · value, in
    order, added to ``sums``.  slopes: float32 [rows].  sums: float32 [keys].

    ``put(rows, numbers, following)``: put rows in the place of those of these numbers, each of which comes once.
        rows: float32 [all, width].  numbers: int32 [rows].  following: float32 [rows, width].

    ``ftrl_weights(rows, alpha, beta, l1, l2, weights)``: the weights of rows that FTRL keeps; see
    `yarnml.sparse.rules.FtrlRule`.
        rows: float32 [keys, 2 · width], z and n.  alpha, beta, l1, l2: float32.  weights: float32 [keys, width].

    ``ftrl_update(rows, sums, alpha, beta, l1, l2, following)``: the next rows, given the sums of their gradients.
        sums: float32 [keys, width].  following: float32 [keys, 2 · width].
    """

    number: Callable[..., Any]
    place: Callable[..., Any]
    first: Callable[..., Any]
    find: Callable[..., Any]
    merge: Callable[..., Any]
    in_both: Callable[..., Any]
    order: Callable[..., Any]
    row_sums: Callable[..., Any]
    key_sums: Callable[..., Any]
    put: Callable[..., Any]
    ftrl_weights: Callable[..., Any]
    ftrl_update: Callable[..., Any]


def _for_both(signature: str) -> list[str]:
    """The signatures for whole keys and for narrow ones."""
    return [signature.replace("KEYS", keys) for keys in ("uint64[::1]", "uint32[::1]")]


NUMPY = Kernels(*(getattr(kernels_in_numpy, name) for name in Kernels._fields))

_SIGNATURES = (
    _for_both("void(KEYS, uint64, int64[::1], int32[::1], KEYS, int32[::1])"),
    _for_both("void(KEYS, uint64, int32[::1])"),
    _for_both("void(KEYS, uint64, int32[::1], int32[::1])"),
    _for_both("void(KEYS, uint64, int32[::1], KEYS, int32[::1])"),
    ["int64(uint64[::1], float32[:, ::1], uint64[::1], float32[:, ::1], uint64[::1], float32[:, ::1])"],
    ["int64(uint64[::1], uint64[::1], int32[::1], int32[::1])"],
    ["boolean(uint64[::1], uint64, int64[::1], int64[::1])"],
    ["void(int32[::1], int64[::1], float32[::1], float32[::1], float32[::1])"],
    ["void(int32[::1], int64[::1], float32[::1], float32[::1], float32[::1])"],
    ["void(float32[:, ::1], int32[::1], float32[:, ::1])"],
    ["void(float32[:, ::1], float32, float32, float32, float32, float32[:, ::1])"],
    ["void(float32[:, ::1], float32[:, ::1], float32, float32, float32, float32, float32[:, ::1])"],
)


@cache
def kernels() -> Kernels:
    """The loops compiled by numba where it is installed, else NumPy's functions."""
    if not has_numba():
        return NUMPY
    loops = Kernels(*(getattr(kernels_in_numba, name) for name in Kernels._fields))
    return Kernels(*(compiled(loop, *signatures) for loop, signatures in zip(loops, _SIGNATURES, strict=True)))
