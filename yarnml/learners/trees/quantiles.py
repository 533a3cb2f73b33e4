"""Quantiles of the rows of every node, by counting: a pass finds the next digit of their numbers.

Numbers are taken as keys in the order of all floats (`float_keys`), whose digits tell the size first, so nothing has to
be known of the data.  A pass counts the weight of every next digit among the rows that agree with the digits so far.
These are sums over rows, so quantiles have the same bits however the rows are cut into shards.  With all `DIGITS` they
are exact; with the first two known to 1/256 of themselves.

The lower and the upper quantile, which differ where the share falls between two rows, are averaged.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.float_keys import ZERO, between, float_of, key_of

DIGITS = 4
VALUES = 256
"""Values of a digit."""

_BITS = 8
_ROUNDING = 1e-6


class Selection(NamedTuple):
    """The digits known so far of the quantiles of nodes, lower and upper.

    The nodes are those of all trees, of the first tree first, of each as many.

    ``digits`` []: how many digits.  ``prefix`` uint32 [2, nodes]: these, and zeros.
    ``below`` [2, nodes]: the weight of the rows whose numbers are below.  ``total`` [nodes]: of all rows.
    """

    digits: Any
    prefix: Array
    below: Array
    total: Array


def begin(nodes: int, xp: ModuleType = np) -> Selection:
    """Nothing known; ``xp``: the module of the arrays, NumPy or JAX's."""
    shape = 2, nodes
    return Selection(
        xp.zeros((), np.int32), xp.zeros(shape, np.uint32), xp.zeros(shape, np.float32), xp.zeros(nodes, np.float32)
    )


def counts(selection: Selection, number: Array, node: Array, weight: Array) -> Array:
    """The weight of the rows by node and next digit, float64 [2, nodes, VALUES].

    ``selection``: of NumPy arrays.  ``number`` and ``node`` [trees, rows]; ``weight`` [rows].
    """
    nodes = selection.prefix.shape[1] // len(number)
    shift = np.uint32(_BITS * (DIGITS - 1 - int(selection.digits)))
    total = np.empty((2, len(number), nodes * VALUES))
    for tree, (key, own) in enumerate(zip(key_of(number.astype(np.float32)), node, strict=True)):
        for side, prefix in enumerate(selection.prefix[:, tree * nodes : (tree + 1) * nodes]):
            digit = (key ^ prefix[own]) >> shift  # the next one, which the prefix has as 0, where those before agree
            rows = np.flatnonzero(digit < VALUES)
            place = own[rows].astype(np.int64) * VALUES + digit[rows]
            total[side, tree] = np.bincount(place, weight[rows], nodes * VALUES)
    return total.reshape(2, -1, VALUES)


def following(selection: Selection, counts: Array, shares: Array, at_zero: float) -> Selection:
    """Take in the next digit.

    ``shares`` [trees]: that lie below the quantiles of a tree.  ``at_zero``: the weight of rows of number 0 that each
    node has beside its own.
    """
    shift = np.uint32(_BITS * (DIGITS - 1 - int(selection.digits)))
    own = (ZERO ^ selection.prefix) >> shift
    is_zero = own[..., None] == np.arange(VALUES, dtype=np.uint32)
    counts = counts + np.where(is_zero, at_zero, 0.0)
    upto = selection.below[..., None] + np.cumsum(counts, axis=-1)
    last = upto[..., -1:]
    total = last[0, :, 0] if selection.digits == 0 else selection.total
    goal = (np.repeat(shares, len(total) // len(shares)) * total)[:, None]
    reached = np.stack([upto[0] >= goal * (1 - _ROUNDING), upto[1] > goal * (1 + _ROUNDING)])
    digit = np.argmax(reached | (upto == last), axis=-1)[..., None]  # the last one with rows at most
    below = np.take_along_axis(upto - counts, digit, axis=-1)[..., 0]
    prefix = selection.prefix | digit[..., 0].astype(np.uint32) << shift
    return Selection(np.int32(selection.digits + 1), prefix, below.astype(np.float32), total.astype(np.float32))


def quantiles_of(selection: Selection) -> Array:
    """The quantiles of nodes that have rows, [nodes]."""
    rest = np.uint32((1 << _BITS * (DIGITS - int(selection.digits))) - 1)
    low = float_of(selection.prefix)
    high = float_of(selection.prefix | rest)
    return np.mean(between(low, high), axis=0)
