"""The newest updates of a table: what it takes to make them undone, and to read the rows from before them."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.block import Block
from yarnml.sparse.index import Numbers
from yarnml.sparse.kernels import kernels
from yarnml.sparse.rare_keys import Count
from yarnml.sparse.run import Keys
from yarnml.sparse.stored import BEFORE, KEYS, TOUCHED

HAD_ROW = "had_row"


class Undo(NamedTuple):
    """The rows that an update has changed, as they were.

    ``keys``: ascending.  ``had_row``: bool [keys], which of them had one, though perhaps a stale one.
    ``rows``: by block, and ``touched``: when these were touched before; any for keys that had none.
    ``new``: how many rows it made.  ``made``: how many had been made before; -1 where what is remembered came from a
    file, and can be read, but not taken back.
    ``rare``: what became of the keys without a row, where these are counted.
    """

    keys: Keys
    had_row: Array
    rows: list[Matrix]
    touched: Array
    new: int = 0
    made: int = -1
    rare: Count | None = None

    @classmethod
    def of_all(cls, keys: Keys, rows: list[Matrix]) -> "Undo":
        """The rows before an update of all keys of a table without ages, to be read."""
        return cls(keys, np.ones(len(keys), bool), rows, np.zeros(len(keys), np.int32))


class Undos:
    """The newest updates of a table, ``remembered`` of them at most."""

    def __init__(self, remembered: int) -> None:
        self._undos: deque[Undo] = deque(maxlen=remembered)

    def __len__(self) -> int:
        return len(self._undos)

    @property
    def remembered(self) -> int:
        return self._undos.maxlen or 0

    @property
    def whole(self) -> int:
        """The number of the newest updates that can be taken back."""
        return sum(undo.made >= 0 for undo in self._undos)

    def push(self, undo: Undo) -> None:
        self._undos.append(undo)

    def pop(self) -> Undo:
        """Forget the newest update; returns what takes it back."""
        return self._undos.pop()

    def clear(self) -> None:
        self._undos.clear()

    def newest(self, updates: int) -> list[Undo]:
        """So many of the newest updates, that one first; IndexError where they are not remembered."""
        return [self._undos[-age] for age in range(1, updates + 1)]

    def arrays(self, blocks: Sequence[Block], updates: int) -> dict[str, Array]:
        """The rows from before each of so many of the newest updates, by name."""
        arrays: dict[str, Array] = {}
        for age, undo in enumerate(self.newest(updates), start=1):
            had_row = undo.had_row
            own: dict[str, Array] = {KEYS: undo.keys, HAD_ROW: had_row.astype(np.uint8)}
            own[TOUCHED] = np.where(had_row, undo.touched, 0)
            own |= {b.name: np.where(had_row[:, None], rows, 0) for b, rows in zip(blocks, undo.rows, strict=True)}
            arrays |= {f"{BEFORE}{age}/{name}": array for name, array in own.items()}
        return arrays

    def restore(self, blocks: Sequence[Block], arrays: dict[str, Array]) -> None:
        """Take in what `arrays` gave, where nothing is remembered yet; KeyError where it does not fit."""
        ages = {int(name.split("/")[1]) for name in arrays if name.startswith(BEFORE)}
        for age in sorted(ages, reverse=True):
            own = {name.split("/")[-1]: array for name, array in arrays.items() if name.startswith(f"{BEFORE}{age}/")}
            had_row = own[HAD_ROW].astype(bool)
            keys = np.require(own[KEYS], requirements="W")  # as compiled kernels take them
            self.push(Undo(keys, had_row, [own[block.name] for block in blocks], own[TOUCHED]))


def in_both(keys: Keys, old_keys: Keys) -> tuple[Numbers, Numbers]:
    """The places of the keys that are in both, which are ascending: among the first, and among the second."""
    places = np.empty((2, min(len(keys), len(old_keys))), np.int32)
    count = kernels().in_both(keys, old_keys, *places)
    return places[0, :count], places[1, :count]
