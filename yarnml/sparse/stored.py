"""The arrays that a table is stored as: keys ascending, and what belongs to each, so they can be cut at any key."""

from collections.abc import Mapping, Sequence

import numpy as np

from yarnml.data.arrays import Array
from yarnml.sparse.gathered import Weights
from yarnml.sparse.run import Keys, count_below

KEYS = "keys"
RARE_KEYS = "rare_keys"
RARE_COUNTS = "rare_counts"
"""Names that no block has: the keys with a row, and those without one with their counts."""

TOUCHED = "keys.touched"
RARE_TOUCHED = "rare_keys.touched"
"""int32 [keys]: the number of updates up to the last in which each key came, where ages are kept."""

CLOCK = "keys.clock"
"""int64 [2]: the number of updates so far, and the rows that were evicted."""

BEFORE = "before/"
"""What begins the names of rows as they were before one of the newest updates: ``before/1/keys`` of the newest one."""

_OF_RARE_KEYS = {RARE_KEYS, RARE_COUNTS, RARE_TOUCHED}


def between(arrays: dict[str, Array], low: int, high: int, first: int = 0) -> dict[str, Array]:
    """The part of these arrays with the keys ``low`` … ``high`` - 1, views; both are numbers of up to 2^64.

    ``first``: the key at which the arrays begin.  Their evicted rows are counted in the part that has it.
    """

    def part_of(name: str) -> Array:
        if name == CLOCK:
            return arrays[CLOCK] * np.array([1, low <= first < high])
        keys = arrays[_keys_beside(name)]
        return arrays[name][count_below(keys, low) : count_below(keys, high)]

    return {name: part_of(name) for name in arrays}


def _keys_beside(name: str) -> str:
    """The name of the keys that an array belongs to."""
    if name.startswith(BEFORE):
        return f"{name.rpartition('/')[0]}/{KEYS}"
    return RARE_KEYS if name in _OF_RARE_KEYS else KEYS


def joined(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """The arrays of parts that follow each other; none of no part."""
    if not parts:
        return {}
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != CLOCK}
    if CLOCK in parts[0]:
        evicted = sum(part[CLOCK][1] for part in parts)
        arrays[CLOCK] = np.array([parts[0][CLOCK][0], evicted])
    return arrays


def overlaid(older: dict[str, Array], newer: dict[str, Array]) -> dict[str, Array]:
    """The arrays of a table, given its older ones and, of all keys that came since, its newer ones."""
    came = np.union1d(newer[KEYS], newer.get(RARE_KEYS, newer[KEYS]))
    arrays = {}
    as_they_are = {name for name in newer if name == CLOCK or name.startswith(BEFORE)}
    for keys_name, names in (
        (KEYS, newer.keys() - _OF_RARE_KEYS - as_they_are),
        (RARE_KEYS, newer.keys() & _OF_RARE_KEYS),
    ):
        if keys_name not in newer:
            continue
        before = older.get(keys_name, newer[keys_name][:0])
        kept = ~np.isin(before, came, assume_unique=True)
        order = np.argsort(np.concatenate([before[kept], newer[keys_name]]))
        for name in names:
            rows = older.get(name, np.zeros((len(before), *newer[name].shape[1:]), newer[name].dtype))
            arrays[name] = np.concatenate([rows[kept], newer[name]])[order]
    return arrays | {name: newer[name] for name in as_they_are}


def weights_of(table: Mapping[str, Array], keys: Keys) -> Weights:
    """The weights of ascending keys, by block; those of a key that is not in the table are 0."""
    places = np.searchsorted(table[KEYS], keys)
    known = np.flatnonzero(places < len(table[KEYS]))
    known = known[table[KEYS][places[known]] == keys[known]]
    gathered = {}
    for name, block in table.items():
        if name != KEYS:
            gathered[name] = np.zeros((len(keys), *block.shape[1:]), np.float32)
            gathered[name][known] = block[places[known]]
    return gathered
