"""Keys: a hash of 64 bits for each value, salted with the column's name.

The same value of a column has the same key on every machine, however it is stored: 7 and '7' are one, and '07' is
another.  A column's dictionary is hashed, not its rows.  Null has no key.  Fewer bits are the highest ones, so that
keys are even over all numbers of 64 bits however many bits they have.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Places, as_numpy, float64, is_list, is_number, is_text, one_array, plain_type, to_float32
from yarnml.data.keys import KeyRows
from yarnml.data.lookup import whole
from yarnml.data.prepare.base import NUMBERS
from yarnml.data.prepare.findings import Finding
from yarnml.data.prepare.hashing import Hashes, fnv1a, mixed_quickly, salt
from yarnml.errors import DataError
from yarnml.job.prepare import Key

WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"
"""Texts that are whole numbers, as these are written."""

TOO_LONG = 10**18
"""From here on numbers are hashed as their texts are."""

MANTISSA_BITS = 52
"""Of a float64."""


def needs(step: Key, kind: pa.DataType) -> str | None:
    kind = plain_type(kind)
    if step.buckets_per_octave:
        return None if is_number(kind) else "numbers, as it has buckets_per_octave"
    if pa.types.is_map(kind):
        return (
            None if _is_value(kind.key_type) and is_number(kind.item_type) else "maps from text or numbers to numbers"
        )
    value = kind.value_type if is_list(kind) else kind
    return None if _is_value(value) else "text, whole numbers, booleans, or lists or maps of them"


def _is_value(kind: pa.DataType) -> bool:
    kind = plain_type(kind)
    return is_text(kind) or is_number(kind)


def gives(step: Key, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def find(step: Key, column: pa.Array, where: str) -> Finding | None:
    return None


def learn(step: Key, finding: Finding, where: str) -> Key:
    return step


def names(step: Key, column: str) -> list[str]:
    return []


def apply(step: Key, column: pa.Array, where: str) -> KeyRows:
    offsets, nested, values = _entries(column, where)
    entries = nested if pa.types.is_dictionary(nested.type) else one_array(pa.chunked_array([nested]))
    if entries.null_count:
        present = entries.is_valid().to_numpy(zero_copy_only=False)
        offsets = np.append(0, np.cumsum(present))[offsets]
        entries = entries.drop_null()
        values = None if values is None else values[present]
    return KeyRows(offsets, _keys(step, entries, where), values)


def _entries(column: pa.Array, where: str) -> tuple[Places, pa.Array, npt.NDArray[np.float32] | None]:
    """Offsets of the rows, what is to be hashed, and the values of a map; nulls for what has no key."""
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if not (is_list(column.type) or pa.types.is_map(column.type)):
        return np.arange(len(column) + 1), column, None
    if pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.list_(column.type.value_type))
    lengths = pc.fill_null(pc.list_value_length(column), 0) if is_list(column.type) else _map_lengths(column)
    offsets = np.append(0, np.cumsum(lengths.to_numpy(zero_copy_only=False), dtype=np.int64))
    if is_list(column.type):
        return offsets, column.flatten(), None
    pairs = column.cast(
        pa.list_(pa.struct([("key", column.type.key_type), ("value", column.type.item_type)]))
    ).flatten()
    values = to_float32(float64(pairs.field("value")))
    if not np.isfinite(values).all():
        raise DataError(f"{where} holds a map with a value that is null, NaN or infinite; mend or drop these rows.")
    return offsets, pairs.field("key"), values


def _map_lengths(column: pa.Array) -> pa.Array:
    entry = pa.struct([("key", column.type.key_type), ("value", column.type.item_type)])
    return pc.fill_null(pc.list_value_length(column.cast(pa.list_(entry))), 0)


def _keys(step: Key, entries: pa.Array, where: str) -> Hashes:
    """[entries]: their keys; there are no nulls."""
    if step.buckets_per_octave:
        return _salted(_buckets(float64(entries), step.buckets_per_octave), step)
    entries = whole(entries, where)
    if pa.types.is_integer(entries.type):  # to hash a number takes less time than to look it up
        return _salted(hashes(entries), step)
    coded = entries.dictionary_encode()
    return _salted(hashes(coded.dictionary), step).take(as_numpy(coded.indices))


def _salted(values: Hashes, step: Key) -> Hashes:
    """The keys of values that have these hashes."""
    dropped = 64 - step.bits
    return mixed_quickly(values, salt(step.columns[0]), np.uint64(2**64 - 2**dropped))


def hashes(values: pa.Array) -> Hashes:
    """A number for each value, the same for a whole number and for its text."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.large_string())
    if is_number(values.type):
        numbers = as_numpy(values)
        made = mixed_quickly(numbers.astype(np.uint64))
        is_long = (numbers >= TOO_LONG) | (numbers <= -TOO_LONG)
        if is_long.any():
            made[is_long] = fnv1a(values.filter(pa.array(is_long)).cast(pa.large_string()))
        return made
    is_whole = pc.match_substring_regex(values, WHOLE)
    texts = np.empty(len(values), np.uint64)
    chosen = is_whole.to_numpy(zero_copy_only=False)
    texts[chosen] = hashes(values.filter(is_whole).cast(pa.int64()))
    texts[~chosen] = fnv1a(values.filter(pc.invert(is_whole)))
    return texts


def _buckets(numbers: npt.NDArray[np.float64], per_octave: int) -> Hashes:
    """A number for each range: sign, exponent and the first bits of what follows, exact on every machine."""
    bits = (numbers + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
    return bits >> np.uint64(MANTISSA_BITS - (per_octave.bit_length() - 1))
