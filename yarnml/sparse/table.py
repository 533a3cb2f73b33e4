"""A table: the parameters of a learner that belong to keys, kept on the host and made when a key first comes."""

from collections.abc import Sequence

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.ages import Ages
from yarnml.sparse.base import Part
from yarnml.sparse.block import Block
from yarnml.sparse.block_rows import BlockRows
from yarnml.sparse.digest import sum_of_hashes
from yarnml.sparse.index import KeyIndex, Numbers, ascending
from yarnml.sparse.older import FoundRows, OlderTable, weights_in
from yarnml.sparse.policy import ALL_KEYS, KeyPolicy
from yarnml.sparse.rare_keys import Count, RareKeys
from yarnml.sparse.run import Keys, Run
from yarnml.sparse.stored import CLOCK, KEYS, TOUCHED
from yarnml.sparse.undo import Undo, Undos
from yarnml.storage.tensors import Packed, packed

SMALLEST_SWEEP = 1 << 12
"""Rows of a table that is not swept: its memory is nothing."""


class Table:
    """Rows by key, in blocks.

    A row's first weights are a function of its key, and its updates one of its sums; so are all values, whatever the
    order in which keys first came.

    ``policy``: which keys have rows.  Unless it admits all, the last number of a key's sums says how often it came, and
    the weights of a key without a row are 0.
    ``remembered``: how many of the newest updates it can take back, or be read before.
    """

    def __init__(self, blocks: Sequence[Block], policy: KeyPolicy = ALL_KEYS, remembered: int = 0) -> None:
        self.blocks = tuple(blocks)
        self.policy = policy
        self.undos = Undos(remembered)
        self._rare = RareKeys(policy, remembered) if policy.min_count > 1 else None
        self._index = KeyIndex()
        self._rows = BlockRows(blocks)
        self._ages = Ages(policy.max_age, kept=policy.has_ages)
        self._clock = 0  # updates so far
        self._made = 0  # rows that were ever made

    def __len__(self) -> int:
        return int(np.count_nonzero(self._fresh())) if self.policy.max_age else len(self._index.keys)

    @property
    def size(self) -> int:
        """Weights of all rows."""
        return len(self) * self.width

    def parts(self) -> list[Part]:
        size = len(self)
        return [Part(size, self.nbytes, self._rare.size(self._clock) if self._rare else 0, self._made - size)]

    @property
    def width(self) -> int:
        """Weights of a row, and so the numbers of its sums."""
        return sum(block.width for block in self.blocks)

    @property
    def nbytes(self) -> int:
        rare = 0 if self._rare is None else self._rare.nbytes
        return self._index.nbytes + self._rows.nbytes + self._ages.nbytes + rare

    @property
    def digest(self) -> int:
        """A number of 64 bits, equal for equal rows, in whatever order they came."""
        fresh = self._fresh() if self.policy.max_age else slice(None)
        numbers = [rows[fresh].view(np.uint32) for rows in self._rows.arrays]
        if self.policy.has_ages:
            numbers.append(self._ages.touched[fresh].view(np.uint32)[:, None])
        total = sum_of_hashes(self._index.keys[fresh], numbers)
        if self._rare is not None:
            keys, *counts = self._rare.arrays(self._clock).values()
            total += 1 + sum_of_hashes(keys, [count.view(np.uint32)[:, None] for count in counts])
        return total % 2**64

    def weights(self, keys: Keys, *, unknown_as_first: bool) -> dict[str, Matrix]:
        """The weights of these keys, float32 [keys, width] by block; no key is added.

        ``unknown_as_first``: a key that is not there has the weights that its row would begin with, if it got one now;
        else 0, so that it contributes nothing.
        """
        numbers = self._find(keys)
        unknown = np.flatnonzero(numbers < 0)
        as_first = unknown_as_first and self.policy.admits_all
        blocks = zip(self.blocks, self._rows.read(numbers), strict=True)
        return {block.name: weights_in(block, rows, keys, unknown, as_first) for block, rows in blocks}

    def before(self, updates: int) -> OlderTable:
        """The table as it was so many updates ago, as long as this one is not updated; IndexError for too many."""
        return OlderTable(self.blocks, self.policy, self._find_rows, self.undos.newest(updates), self._clock - updates)

    def forget(self) -> None:
        """Remember no update so far."""
        self.undos.clear()

    def _find_rows(self, keys: Keys) -> FoundRows:
        numbers = self._index.find(keys)
        return FoundRows(keys, numbers >= 0, self._rows.taken(numbers), self._ages.of(numbers))

    def _find(self, keys: Keys) -> Numbers:
        """The number of each key's row, -1 where there is none."""
        numbers = self._index.find(keys)
        numbers[self._ages.stale(numbers, self._clock)] = -1
        return numbers

    def _fresh(self) -> Array:
        """bool [rows]: which are not stale."""
        return self._ages.fresh(len(self._index.keys), self._clock)

    def update(self, run: Run, rate: float = 1.0, steps: int = 1) -> None:
        """Update the rows of a run's keys by its sums; those that are not there are made first.

        ``rate``: see `yarnml.sparse.rules`.  ``steps``: that are finished with it, for the ages of rows.
        """
        self._sweep()
        run, count = self._admit(run)
        before = len(self._index.keys)
        numbers = self._index.number(run.keys)
        new = self._index.keys[before:]
        self._ages.append(np.full(len(new), self._clock))
        stale = np.flatnonzero(self._ages.stale(numbers, self._clock))
        self._rows.append(self._rows.first_rows(new))
        replaced = self._rows.update(numbers, run, rate, stale)
        had_row = (numbers < before) & ~self._ages.stale(numbers, self._clock - self.undos.remembered)
        touched = self._ages.touch(numbers, self._clock + 1)
        self.undos.push(Undo(run.keys, had_row, replaced, touched, len(new), self._made, count))
        self._clock += steps
        self._made += len(new) + len(stale)

    def take_back(self) -> None:
        """Make the newest update undone; rows that it made are not there any more."""
        undo = self.undos.pop()
        numbers = self._index.find(undo.keys)
        size = len(self._index.keys) - undo.new  # those that it made are the last ones
        self._rows.put(numbers, undo.rows)
        self._rows.cut(size)
        self._ages.touch(numbers, undo.touched)
        self._ages.cut(size)
        self._index.cut(size)
        self._made = undo.made
        self._clock -= 1
        if self._rare is not None and undo.rare is not None:
            self._rare.take_back(undo.rare)

    def _admit(self, run: Run) -> tuple[Run, Count | None]:
        """The part of a run whose keys have a row or get it now, and the effect on the counts of the others."""
        if self.policy.admits_all:
            return run, None
        unknown = np.flatnonzero(self._find(run.keys) < 0)
        keys = run.keys[unknown]
        counts = run.values[unknown, -1]
        count = None if self._rare is None else self._rare.add(keys, counts, self._clock)
        admitted = self.policy.draw(keys, counts, self._clock) if count is None else count.enough
        kept = np.ones(len(run.keys), bool)
        kept[unknown[~admitted]] = False
        return Run(run.keys[kept], run.values[kept]), count

    def _sweep(self) -> None:
        """Free the memory of stale rows, when they are many."""
        if not self._ages.is_time_to_sweep(self._clock) or len(self._index.keys) < SMALLEST_SWEEP:
            return
        fresh = self._ages.fresh(len(self._index.keys), self._clock - self.undos.remembered)
        if 4 * np.count_nonzero(fresh) < 3 * len(fresh):
            self._index.keep(fresh)
            self._ages.keep(fresh)
            self._rows.keep(fresh)

    def arrays(self, updates: int | None = None, before: int | None = None) -> dict[str, Array]:
        """All of the table by name, keys ascending: equal for equal tables.

        ``updates``: only what so many of the newest ones have touched; see `yarnml.sparse.stored.overlaid`.
        ``before``: so many of the newest updates rows can be read as they were, too; None for all that are remembered.
        """
        before = len(self.undos) if before is None else before
        kept = self._ages.fresh(len(self._index.keys), self._clock - before)
        if updates is not None:
            kept = kept & (self._ages.touched > self._clock - updates)
        order = self._order(kept)
        arrays: dict[str, Array] = {KEYS: self._index.keys[order]}
        arrays |= {block.name: rows[order] for block, rows in zip(self.blocks, self._rows.arrays, strict=True)}
        if self.policy.has_ages:
            arrays[TOUCHED] = self._ages.touched[order]
        if self.policy.has_clock:
            arrays[CLOCK] = np.array([self._clock, self._made - len(self)])
        arrays |= {} if self._rare is None else self._rare.arrays(self._clock, updates)
        return arrays | self.undos.arrays(self.blocks, before)

    def _order(self, kept: Array) -> Array:
        """The numbers of some rows in the order of their keys.  ``kept``: bool [rows], which."""
        numbers = np.flatnonzero(kept)
        return numbers[ascending(self._index.keys[numbers])]

    @property
    def infinite_block(self) -> str | None:
        """The name of a block that holds a weight which is no finite number; None where there is none."""
        return self._rows.infinite_block

    def restored(self, arrays: dict[str, Array]) -> "Table":
        """Another table of these blocks, of which `arrays` gave these."""
        return restored(self.blocks, arrays, self.policy, self.undos.remembered)

    def trained(self) -> dict[str, Array]:
        """The weights by name, keys ascending, of those keys alone that have a weight other than 0."""
        counts = np.any([weights.any(axis=1) for weights in self._rows.weights().values()], axis=0)
        order = self._order(counts & self._fresh())
        return {KEYS: self._index.keys[order], **self._rows.weights(order)}

    def packed(self) -> Packed:
        return packed(self.trained())


def restored(
    blocks: Sequence[Block], arrays: dict[str, Array], policy: KeyPolicy = ALL_KEYS, remembered: int = 0
) -> Table:
    """The table of which `Table.arrays` gave these; KeyError or ValueError where they do not fit.

    Where they do not tell it, no row was ever evicted, and all were touched by the last update.
    """
    table = Table(blocks, policy, remembered)
    table.undos.restore(blocks, arrays)
    keys = arrays[KEYS]
    if keys.dtype != np.uint64 or keys.ndim != 1 or (keys[1:] <= keys[:-1]).any():
        raise ValueError("its keys are not ascending")
    for block in table.blocks:
        stored = arrays[block.name]
        expected = (len(keys), block.rule.stored(block.width))
        if stored.shape != expected or stored.dtype != np.float32:
            raise ValueError(f"{block.name} is {stored.dtype} {stored.shape}, not float32 {expected}")
    table._rows.append([arrays[block.name] for block in table.blocks])
    table._index.number(keys)
    table._clock, evicted = arrays.get(CLOCK, np.zeros(2, np.int64)).tolist()
    table._ages.append(arrays.get(TOUCHED, np.full(len(keys), table._clock)))
    table._made = len(table) + evicted
    if table._rare is not None:
        table._rare.restore(arrays, table._clock)
    return table
