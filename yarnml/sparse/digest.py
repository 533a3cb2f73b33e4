"""A digest of rows by key that is the same in whatever order they lie."""

from collections.abc import Sequence

from yarnml.data.arrays import Array
from yarnml.data.prepare.hashing import mixed
from yarnml.sparse.run import Keys

DIGEST_ROWS = 1 << 14
"""Rows that are hashed at once: they fit the fastest memory."""


def sum_of_hashes(keys: Keys, numbers: Sequence[Array]) -> int:
    """Σ of a hash of each key and its numbers, which are uint32 [keys, some]; modulo 2^64."""
    total = 0
    for low in range(0, len(keys), DIGEST_ROWS):
        hashes = mixed(keys[low : low + DIGEST_ROWS])
        for block in numbers:
            for column in block[low : low + DIGEST_ROWS].T:
                hashes = mixed(hashes ^ column)
        total += int(hashes.sum())
    return total % 2**64
