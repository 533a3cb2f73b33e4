"""A table: the parameters of a learner that belong to keys, kept on the host and made when a key first comes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.data.prepare.hashing import mixed, salt
from yarnml.sparse.base import Part
from yarnml.sparse.block import Block
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.index import KeyIndex, Numbers, ascending
from yarnml.sparse.rare_keys import Count, RareKeys
from yarnml.sparse.run import Keys, Run, count_below
from yarnml.storage.tensors import Packed, packed

KEYS = "keys"
RARE_KEYS = "rare_keys"
RARE_COUNTS = "rare_counts"
"""Names among the arrays of a table that no block has: its keys, and those without a row with their counts."""

DIGEST_ROWS = 1 << 14
"""Rows that are hashed at once: they fit the fastest memory."""


class Undo(NamedTuple):
    """The rows that an update has changed.

    ``size``: rows before it.  ``numbers``: of the rows that it touched; ``rows``: these as they were, by block.
    ``rare``: what became of the keys without a row, where these are counted.
    """

    size: int
    numbers: Numbers
    rows: list[Matrix]
    rare: Count | None


class Table:
    """Rows by key, in blocks.

    A row's first weights are a function of its key, and its updates one of its sums; so are all values, whatever the
    order in which keys first came.

    ``min_count``: a key gets its row at the step in which it has come so often, by this step's sums; before, its
    weights are 0.  From 2 on the last number of its sums says how often it came.
    """

    def __init__(self, blocks: Sequence[Block], min_count: int = 1) -> None:
        self.blocks = tuple(blocks)
        self.min_count = min_count
        self._rare = RareKeys(min_count) if min_count > 1 else None
        self._index = KeyIndex()
        self._rows = [GrowingArray((block.rule.stored(block.width),), np.float32) for block in blocks]

    def __len__(self) -> int:
        return len(self._index.keys)

    @property
    def size(self) -> int:
        """Weights of all rows."""
        return len(self) * self.width

    def parts(self) -> list[Part]:
        return [Part(len(self), self.nbytes, len(self._rare) if self._rare else 0)]

    @property
    def width(self) -> int:
        """Weights of a row, and so the numbers of its sums."""
        return sum(block.width for block in self.blocks)

    @property
    def nbytes(self) -> int:
        rare = 0 if self._rare is None else self._rare.nbytes
        return self._index.nbytes + sum(rows.nbytes for rows in self._rows) + rare

    @property
    def digest(self) -> int:
        """A number of 64 bits, equal for equal rows, in whatever order they came."""
        total = sum_of_hashes(self._index.keys, [rows.rows.view(np.uint32) for rows in self._rows])
        if self._rare is not None:
            keys, counts = self._rare.arrays()
            total += 1 + sum_of_hashes(keys, [counts[:, None]])
        return total % 2**64

    def weights(self, keys: Keys, *, unknown_as_first: bool) -> dict[str, Matrix]:
        """The weights of these keys, float32 [keys, width] by block; no key is added.

        ``unknown_as_first``: a key that is not there has the weights that its row would begin with, if it got one now;
        else 0, so that it contributes nothing.
        """
        numbers = self._index.find(keys)
        unknown = np.flatnonzero(numbers < 0)
        gathered = {}
        for block, rows in zip(self.blocks, self._rows, strict=True):
            weights = np.zeros((len(keys), block.width), np.float32)
            if len(unknown) < len(keys):
                weights[...] = block.rule.weights(rows.rows.take(numbers, axis=0, mode="clip"))
            first = first_weights(block, keys[unknown]) if unknown_as_first and self.min_count == 1 else 0.0
            weights[unknown] = first
            gathered[block.name] = weights
        return gathered

    def update(self, run: Run) -> Undo:
        """Update the rows of a run's keys by its sums; those that are not there are made first."""
        count = None
        if self._rare is not None:
            run, count = _admitted(run, self._index, self._rare)
        before = len(self)
        replaced = []
        numbers = self._index.number(run.keys)
        new = self._index.keys[before:]
        start = 0
        for block, rows in zip(self.blocks, self._rows, strict=True):
            rows.append(block.rule.first(first_weights(block, new)))
            sums = np.ascontiguousarray(run.values[:, start : start + block.width])
            old = rows.rows.take(numbers, axis=0)
            rows.rows[numbers] = block.rule.update(old, sums)
            replaced.append(old)
            start += block.width
        return Undo(before, numbers, replaced, count)

    def take_back(self, undo: Undo) -> None:
        """Make the newest update undone; rows that it made are not there any more."""
        for rows, old in zip(self._rows, undo.rows, strict=True):
            rows.rows[undo.numbers] = old
            rows.cut(undo.size)
        self._index.cut(undo.size)
        if self._rare is not None and undo.rare is not None:
            self._rare.take_back(undo.rare)

    def arrays(self) -> dict[str, Array]:
        """All of the table by name, keys ascending: equal for equal tables."""
        rare = {} if self._rare is None else dict(zip((RARE_KEYS, RARE_COUNTS), self._rare.arrays(), strict=True))
        return self._rows_by_key() | rare

    def _rows_by_key(self) -> dict[str, Array]:
        order = ascending(self._index.keys)
        arrays: dict[str, Array] = {KEYS: self._index.keys[order]}
        arrays |= {block.name: rows.rows[order] for block, rows in zip(self.blocks, self._rows, strict=True)}
        return arrays

    @property
    def infinite_block(self) -> str | None:
        """The name of a block that holds a weight which is no finite number; None where there is none."""
        for block, rows in zip(self.blocks, self._rows, strict=True):
            if not np.isfinite(block.rule.weights(rows.rows)).all():
                return block.name
        return None

    def restored(self, arrays: dict[str, Array]) -> "Table":
        """Another table of these blocks, of which `arrays` gave these."""
        return restored(self.blocks, arrays, self.min_count)

    def trained(self) -> dict[str, Array]:
        """The weights by name, keys ascending, of those keys alone that have a weight other than 0."""
        blocks = list(zip(self.blocks, self._rows, strict=True))
        counts = np.any([block.rule.weights(rows.rows).any(axis=1) for block, rows in blocks], axis=0)
        order = ascending(self._index.keys)
        order = order[counts[order]]
        weights = {block.name: block.rule.weights(rows.rows[order]) for block, rows in blocks}
        return {KEYS: self._index.keys[order], **weights}

    def packed(self) -> Packed:
        return packed(self.trained())


def restored(blocks: Sequence[Block], arrays: dict[str, Array], min_count: int = 1) -> Table:
    """The table of which `Table.arrays` gave these; KeyError or ValueError where they do not fit."""
    table = Table(blocks, min_count)
    keys = arrays[KEYS]
    if keys.dtype != np.uint64 or keys.ndim != 1 or (keys[1:] <= keys[:-1]).any():
        raise ValueError("its keys are not ascending")
    for block, rows in zip(table.blocks, table._rows, strict=True):
        stored = arrays[block.name]
        expected = (len(keys), block.rule.stored(block.width))
        if stored.shape != expected or stored.dtype != np.float32:
            raise ValueError(f"{block.name} is {stored.dtype} {stored.shape}, not float32 {expected}")
        rows.append(stored)
    table._index.number(keys)
    if table._rare is not None:
        table._rare.restore(arrays[RARE_KEYS], arrays[RARE_COUNTS])
    return table


def _admitted(run: Run, index: KeyIndex, rare: RareKeys) -> tuple[Run, Count]:
    """Count the keys that have no row; return the part of a run whose keys have one, or shall get it now."""
    unknown = np.flatnonzero(index.find(run.keys) < 0)
    count = rare.add(run.keys[unknown], run.values[unknown, -1])
    kept = np.ones(len(run.keys), bool)
    kept[unknown[~count.enough]] = False
    return Run(run.keys[kept], run.values[kept]), count


def first_weights(block: Block, keys: Keys) -> Matrix:
    """The weights [keys, width] with which rows begin: a function of seed, block, key and place."""
    if not block.scale:
        return np.zeros((len(keys), block.width), np.float32)
    places = np.arange(block.width, dtype=np.uint64) + np.uint64(block.seed * 2**24)
    places = mixed(salt(block.name) + places)
    random = mixed(keys[:, None] ^ places) >> np.uint64(40)
    return (random.astype(np.float32) - np.float32(2**23)) * np.float32(block.scale / 2**23)


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


def between(arrays: dict[str, Array], low: int, high: int) -> dict[str, Array]:
    """The part of `Table.arrays` with the keys ``low`` … ``high`` - 1, views; both are numbers of up to 2^64."""

    def part_of(name: str) -> slice:
        keys = arrays[RARE_KEYS if name in (RARE_KEYS, RARE_COUNTS) else KEYS]
        return slice(count_below(keys, low), count_below(keys, high))

    return {name: array[part_of(name)] for name, array in arrays.items()}
