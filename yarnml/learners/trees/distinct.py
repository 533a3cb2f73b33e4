"""The different values of a feature, exactly, where they are few: a table that adds up over shards.

Every shard puts each of its different values into one slot of each of several parts, chosen by hashes.  A slot holds
sums: of ones, of the digits of the values' keys, and of digits of another hash.  A slot into which one value alone was
put tells it; what is told is taken out of all its slots, which leaves others with one value, and so on until the table
is empty.  Where there are too many values it never gets empty.  (Goodrich and Mitzenmacher, "Invertible Bloom Lookup
Tables", Allerton 2011.)  All sums are whole numbers that float32 holds, for up to 8,192 shards.
"""

from typing import Any

import jax
import jax.numpy as jnp
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
    entry = _entry(keys, np)
    for part, slot in zip(table, _places(keys, _slots(bins), np), strict=True):
        np.add.at(part, slot, entry)
    return table.reshape(-1)


def read(table: jax.Array, bins: int) -> tuple[jax.Array, jax.Array]:
    """Read the sum of tables: keys [bins], ascending, filled up with `NO_KEY`; and whether these are all."""
    slots = _slots(bins)

    def more(reading: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        return reading[2]

    def take(reading: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        left, seen, _ = reading
        keys, times = _lone_keys(left)
        entry = times[:, None] * _entry(keys, jnp).astype(jnp.int32)
        places = jnp.stack(_places(keys, slots, jnp))
        left = jax.vmap(lambda part, place: part.at[place].add(-entry))(left, places)
        seen = jnp.sort(jnp.concatenate([seen, keys]))[: bins + 1]
        return left, seen, jnp.any(times > 0) & (seen[-1] == NO_KEY)

    whole = table.reshape(_PARTS, slots, _FIELDS).astype(jnp.int32)
    left, seen, _ = jax.lax.while_loop(more, take, (whole, jnp.full(bins + 1, NO_KEY), jnp.array(True)))
    return seen[:bins], jnp.all(left == 0) & (seen[-1] == NO_KEY)


def _slots(bins: int) -> int:
    """Slots of a part: 2.5 in all for each value, with which a table is read but for once in about 10^5 times."""
    return max(_MIN_SLOTS, (bins + 1) // 2)


def _lone_keys(table: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The keys that are alone in a slot, each once, and how often it is in it; `NO_KEY` and 0 for all other slots."""
    parts, slots, _ = table.shape
    times = table[..., 0]
    digits, rest = jnp.divmod(table[..., 1:], jnp.maximum(times, 1)[..., None])
    shifted = digits[..., : len(_SHIFTS)].astype(jnp.uint32) << _SHIFTS
    key = shifted[..., 0] | shifted[..., 1] | shifted[..., 2]
    place = jnp.stack(_places(key.reshape(-1), slots, jnp)).reshape(parts, parts, slots)
    own = place[np.arange(parts), np.arange(parts)] == jnp.arange(slots)
    same = jnp.all(digits == _entry(key, jnp)[..., 1:].astype(jnp.int32), axis=-1)
    alone = (times > 0) & jnp.all(rest == 0, axis=-1) & same & own
    keys = jnp.where(alone, key, NO_KEY).reshape(-1)
    keys, times = jax.lax.sort((keys, jnp.where(alone, times, 0).reshape(-1)), num_keys=1)
    again = jnp.concatenate([jnp.array([False]), keys[1:] == keys[:-1]])
    return jnp.where(again, NO_KEY, keys), jnp.where(again, 0, times)


def _entry(key: Any, xp: Any) -> Any:
    """The numbers that a key adds to its slots, [..., fields]."""
    digits = key[..., None] >> _SHIFTS & _DIGIT
    check = mix_bits(key ^ np.uint32(0x9E3779B9))[..., None] >> _CHECK_SHIFTS & _DIGIT
    return xp.concatenate([xp.ones_like(digits[..., :1]), digits, check], axis=-1)


def _places(keys: Any, slots: int, xp: Any) -> list[Any]:
    """The slots of keys in every part; in each by a hash of its own."""
    hashed = mix_bits(keys)
    return [(mix_bits(hashed + np.uint32(n + 1)) % np.uint32(slots)).astype(xp.int32) for n in range(_PARTS)]
