"""The rows of the whole data side by side, for objectives in which the gradients of a row hang on other rows.

One pass puts the labels, weights and groups of all rows into a table, and one before each round their scores.  These
are sums over shards, in which only the shard of a row puts anything into its place, so they are the rows themselves.
"""

from typing import Any, NamedTuple

import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.shard import Data

CONSTANTS = 4
"""Numbers of a row that stay: its label, its weight, and its group in two halves."""

_HALF = 1 << 24  # float32 holds whole numbers up to here


class Table(NamedTuple):
    """All rows: score, label, weight and whole number of the group by place; of weight 0 where there is none."""

    score: Array
    label: Array
    weight: Array
    group: Array


class Slopes(NamedTuple):
    """The derivatives of the loss by the scores of some rows, [rows], and their part of the loss."""

    first: Array
    second: Array
    loss: float


def gathers(state: Any, first_pass: int, rounds: int) -> bool:
    """True in a pass that brings the scores of all rows together, before a round."""
    if state.is_gathered is None or state.passes < first_pass:
        return False
    return not state.is_gathered and bool(state.model.rounds < rounds)


def with_constants(state: Any, sums: Any) -> Any:
    """The state with what stays the same of all rows."""
    state.table[1:] = sums
    return state


def with_scores(state: Any, sums: Any) -> Any:
    """The state with the scores of all rows, from which the round's gradients follow."""
    state.table[0] = sums[0]
    return state._replace(is_gathered=np.True_)


def constants(data: Data, width: int) -> Array:
    """The part of a shard in the table's constants, float64 [CONSTANTS, width]."""
    table = np.zeros((CONSTANTS, width))
    if data.place is not None and data.group is not None:
        table[:, data.place] = [data.y, data.weight, *divmod(data.group % _HALF**2, _HALF)]
    return table


def scores(data: Data, score: Array, width: int) -> Array:
    """The part of a shard in the table's scores, float64 [1, width]; ``score`` [rows]."""
    table = np.zeros((1, width))
    if data.place is not None:
        table[0, data.place] = score
    return table


def table_of(stored: Any) -> Table:
    """The table, out of [1 + CONSTANTS, width]."""
    score, label, weight, high, low = np.asarray(stored, np.float64)
    return Table(score, label, weight, (high * _HALF + low).astype(np.int64))
