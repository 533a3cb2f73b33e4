"""Crosses: a key for every pair, or triple, of the values of several columns of a row."""

from collections.abc import Mapping, Sequence

import numpy as np

from yarnml.data.keys import KeyRows
from yarnml.data.prepare.hashing import mixed, salt
from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.prepare import Key

SALT = "a cross of columns"
"""Tells a cross from a key of one column by its hash."""


def crosses_of(schema: Schema) -> list[tuple[str, ...]]:
    """The columns of every cross, in the job file's order.  JobFileError where one of them becomes no keys."""
    steps = [feature.steps[-1] for feature in schema.keyed]
    crosses = list(dict.fromkeys(tuple(c) for step in steps if isinstance(step, Key) for c in step.crosses))
    keyed = {feature.name for feature in schema.keyed}
    for name in (name for cross in crosses for name in cross):
        if name not in keyed:
            raise JobFileError(
                f"data.prepare crosses column '{name}', which becomes no keys; name it in columns of a key step, too."
            )
    return crosses


def crossed(columns: Mapping[str, KeyRows], cross: Sequence[str], bits: int) -> KeyRows:
    """The keys of a cross: in every row one for each combination of keys, whose value is the product of theirs.

    ``columns``: the keys of each column, by its name.  ``bits``: how many a key has, the highest ones.
    """
    product = columns[cross[0]]
    for name in cross[1:]:
        product = _product(product, columns[name])
    dropped = np.uint64(64 - bits)
    return product._replace(keys=product.keys >> dropped << dropped)


def _product(left: KeyRows, right: KeyRows) -> KeyRows:
    """Every combination of a key of ``left`` and one of ``right`` in each row, those of the first key in front."""
    width = np.diff(right.offsets)
    lengths = np.diff(left.offsets) * width
    offsets = np.append(0, np.cumsum(lengths))
    row = np.repeat(np.arange(left.size), lengths)
    place = np.arange(offsets[-1]) - offsets[row]
    first = left.offsets[row] + place // width[row]
    second = right.offsets[row] + place % width[row]
    keys = mixed(mixed(left.keys[first] ^ salt(SALT)) ^ right.keys[second])
    if left.values is None and right.values is None:
        return KeyRows(offsets, keys)
    values = np.ones(len(keys), np.float32)
    for part, entries in ((left, first), (right, second)):
        if part.values is not None:
            values = values * part.values[entries]
    return KeyRows(offsets, keys, values)
