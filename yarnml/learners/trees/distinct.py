"""The different values of a feature, exactly, where they are few: a table that adds up over shards.

Every shard puts each of its different values into one slot of each of several parts, chosen by hashes.  A slot holds
sums: of ones, of the digits of the values' keys, and of digits of another hash.  A slot into which one value alone was
put tells it; what is told is taken out of all its slots, which leaves others with one value, and so on until the table
is empty.  Where there are too many values it never gets empty.  (Goodrich and Mitzenmacher, "Invertible Bloom Lookup
Tables", Allerton 2011.)  All sums are whole numbers that float32 holds, for up to 8,192 shards.
"""

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.noise import mix_bits

NO_KEY = np.uint32(0xFFFFFFFF)
"""A key of no number; larger than all others."""

_PARTS = 5
_MIN_SLOTS = 34
_DIGIT = np.uint32((1 << 11) - 1)
_SHIFTS = np.array([0, 11, 22], np.uint32)
_CHECK_SHIFTS = np.array([0, 11], np.uint32)
_FIELDS = 1 + len(_SHIFTS) + len(_CHECK_SHIFTS)


def numbers(bins: int) -> int:
    """The length of a table for up to ``bins`` values."""
    return _PARTS * _slots(bins) * _FIELDS


def table_of(keys: Array, bins: int) -> Array:
    """The table of a shard; ``keys`` uint32, each once.  Of more than ``bins`` of them one too many is enough."""
    keys = keys[: bins + 1]
    table = np.zeros((_PARTS, _slots(bins), _FIELDS))
    entry = _entry(keys)
    for part, slot in zip(table, _places(keys, _slots(bins)), strict=True):
        np.add.at(part, slot, entry)
    return table.reshape(-1)


def read(table: Array, bins: int) -> tuple[Array, bool]:
    """Read the sum of tables: keys [bins], ascending, filled up with `NO_KEY`; and whether these are all."""
    slots = _slots(bins)
    left = table.reshape(_PARTS, slots, _FIELDS).astype(np.int64)
    seen = np.full(bins + 1, NO_KEY)
    keys, times = _lone_keys(left)
    while len(keys) and seen[-1] == NO_KEY:
        entry = times[:, None] * _entry(keys)
        for part, place in zip(left, _places(keys, slots), strict=True):
            np.subtract.at(part, place, entry)
        seen = np.sort(np.concatenate([seen, keys]))[: bins + 1]
        keys, times = _lone_keys(left)
    return seen[:bins], bool(not left.any() and seen[-1] == NO_KEY)


def _slots(bins: int) -> int:
    """Slots of a part: 2.5 in all for each value, with which a table is read but for once in about 10^5 times."""
    return max(_MIN_SLOTS, (bins + 1) // 2)


def _lone_keys(table: Array) -> tuple[Array, Array]:
    """The keys that are alone in a slot, each once, ascending, and how often it is in it."""
    times = table[..., 0]
    digits, rest = np.divmod(table[..., 1:], np.maximum(times, 1)[..., None])
    alone = (times > 0) & ~rest.any(axis=-1)
    part, slot = np.nonzero(alone)
    digits = digits[alone]
    key = np.bitwise_or.reduce(digits[:, : len(_SHIFTS)].astype(np.uint32) << _SHIFTS, axis=1)
    own = np.array(_places(key, table.shape[1]))[part, np.arange(len(key))] == slot
    same = np.all(digits == _entry(key)[:, 1:], axis=1)
    keys, first = np.unique(key[own & same], return_index=True)
    return keys, times[alone][own & same][first]


def _entry(key: Array) -> Array:
    """The numbers that a key adds to its slots, int64 [..., fields]."""
    digits = key[..., None] >> _SHIFTS & _DIGIT
    check = mix_bits(key ^ np.uint32(0x9E3779B9))[..., None] >> _CHECK_SHIFTS & _DIGIT
    return np.concatenate([np.ones_like(digits[..., :1]), digits, check], axis=-1).astype(np.int64)


def _places(keys: Array, slots: int) -> list[Array]:
    """The slots of keys in every part; in each by a hash of its own."""
    hashed = mix_bits(keys)
    return [(mix_bits(hashed + np.uint32(n + 1)) % np.uint32(slots)).astype(np.int64) for n in range(_PARTS)]
