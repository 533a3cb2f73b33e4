"""A table as it was some updates ago, read through what it takes to make these undone."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array, Matrix, Places
from yarnml.sparse.block import Block, first_weights
from yarnml.sparse.kernels import kernels
from yarnml.sparse.policy import KeyPolicy
from yarnml.sparse.run import Keys
from yarnml.sparse.undo import Undo, in_both


class FoundRows(NamedTuple):
    """The rows of some ascending keys, copies.

    ``has_row``: bool [keys]; where there is none, ``rows``, by block, and ``touched`` are any.
    """

    keys: Keys
    has_row: Array
    rows: list[Matrix]
    touched: Array

    def before(self, undos: Sequence[Undo]) -> "FoundRows":
        """These as they were before some updates, the newest of them first; changed in place."""
        for undo in undos:
            places, old_places = in_both(self.keys, undo.keys)
            self.has_row[places] = undo.had_row.take(old_places)
            self.touched[places] = undo.touched.take(old_places)
            for rows, old in zip(self.rows, undo.rows, strict=True):
                kernels().put(rows, places, old.take(old_places, axis=0))
        return self


class OlderTable:
    """The weights of a table before ``undos``, the newest update first; ``clock``: updates before them.

    ``find_rows``: finds its rows as they are now.
    """

    def __init__(
        self,
        blocks: tuple[Block, ...],
        policy: KeyPolicy,
        find_rows: Callable[[Keys], FoundRows],
        undos: Sequence[Undo],
        clock: int,
    ) -> None:
        self.blocks = blocks
        self.policy = policy
        self._find_rows = find_rows
        self._undos = undos
        self._clock = clock

    def weights(self, keys: Keys, *, unknown_as_first: bool) -> dict[str, Matrix]:
        """See `yarnml.sparse.base.ParameterTable`."""
        older = self._rows(keys)
        has_row = older.has_row
        if self.policy.max_age:
            has_row = has_row & (older.touched >= self._clock - self.policy.max_age)
        as_first = unknown_as_first and self.policy.admits_all
        blocks = zip(self.blocks, older.rows, strict=True)
        return {block.name: weights_in(block, rows, keys, np.flatnonzero(~has_row), as_first) for block, rows in blocks}

    def _rows(self, keys: Keys) -> FoundRows:
        if self._undos and np.array_equal(keys, self._undos[-1].keys):  # as where every step has all keys
            first = self._undos[-1]
            return FoundRows(keys, first.had_row, first.rows, first.touched)
        return self._find_rows(keys).before(self._undos)


def weights_in(block: Block, rows: Matrix, keys: Keys, unknown: Places, as_first: bool) -> Matrix:
    """The weights of keys, float32 [keys, width], by their ``rows``.

    ``unknown``: the places of those without a row, whose weights are their first ones or 0.
    """
    weights = np.zeros((len(keys), block.width), np.float32)
    if len(unknown) < len(keys):
        weights[...] = block.rule.weights(rows)
    weights[unknown] = first_weights(block, keys[unknown]) if as_first else 0.0
    return weights
