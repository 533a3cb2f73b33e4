"""The cut: which rows are in which shard, and which of them belong to which step.  Pure, from counts alone.

A shard is a run of consecutive rows of the dataset, equal to a row; the cut depends on the data and the number of
shards, never on who computes.  An epoch cuts every shard into as many near-equal parts as there are steps, so every
row counts exactly once per epoch and no step holds more rows than ``batch_size``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.base import Dataset

SPLIT, BLOCKS, ROWS, FOLDS = 1, 2, 3, 4  # begin the seeds of different choices, to keep them apart


class Piece(NamedTuple):
    """Rows ``low`` … ``high`` - 1 (numbered within the dataset's share of the group) of one group."""

    file: int
    group: int
    low: int
    high: int

    @property
    def rows(self) -> int:
        return self.high - self.low


def bounds(rows: int, shards: int, shard: int) -> tuple[int, int]:
    """First row of a shard and first row after it."""
    return shard * rows // shards, (shard + 1) * rows // shards


def shard_sizes(rows: int, shards: int) -> list[int]:
    return [high - low for low, high in (bounds(rows, shards, s) for s in range(shards))]


def pieces(dataset: Dataset, shards: int, shard: int) -> list[Piece]:
    """The groups, or parts of groups, that make up one shard, in order."""
    low, high = bounds(dataset.rows, shards, shard)
    places = [(f, g) for f, file in enumerate(dataset.files) for g in range(len(file.groups))]
    found, start = [], 0
    for (file, group), rows in zip(places, dataset.group_rows, strict=True):
        first, last = max(low - start, 0), min(high - start, rows)
        if first < last:
            found.append(Piece(file, group, first, last))
        start += rows
    return found


def steps_per_epoch(sizes: Sequence[int], batch_size: int | str) -> int:
    """The fewest steps for which no step exceeds ``batch_size`` rows (at least one row per shard); 1 for 'full'."""
    if isinstance(batch_size, str):
        return 1
    batch = max(batch_size, len(sizes))
    steps = -(-sum(sizes) // batch)
    while sum(-(-n // steps) for n in sizes) > batch:
        steps += 1
    return steps


def part(size: int, steps: int, step: int) -> tuple[int, int]:
    """The rows of a shard of ``size`` rows that belong to ``step`` of an epoch, as positions in its shuffled order."""
    return step * size // steps, (step + 1) * size // steps


def blocks(shard: Sequence[Piece], shuffle_rows: int, seed: Sequence[int]) -> list[list[Piece]]:
    """An epoch's order of a shard's pieces, in runs of at most ``shuffle_rows`` rows (or one piece)."""
    order = np.random.default_rng(seed).permutation(len(shard))
    runs: list[list[Piece]] = []
    for piece in (shard[i] for i in order):
        if runs and sum(p.rows for p in runs[-1]) + piece.rows <= shuffle_rows:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def shuffled(rows: int, seed: Sequence[int]) -> npt.NDArray[np.int64]:
    """A seeded order of ``rows`` rows."""
    return np.random.default_rng(seed).permutation(rows)


def split_rows(
    total: int, held: int, seed: Sequence[int], *, held_out: bool, by: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Which rows of a group of ``total`` are held out (``held`` of them) or kept, ascending.

    With ``by`` [total], a number for each row, those held out are a systematic sample of the shuffled rows in order of
    it: every row is held out with the same probability, and of the rows of one number the share that is due, to a row.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(total)
    if by is not None:
        order = order[np.argsort(by[order], kind="stable")]
        first = (np.arange(held) + random.random()) * (total / max(held, 1))
        mine = np.zeros(total, bool)
        mine[np.minimum(first.astype(np.int64), total - 1)] = True
        order = np.concatenate([order[mine], order[~mine]])
    return np.sort(order[:held] if held_out else order[held:])


def fold_numbers(
    total: int, first: int, folds: int, seed: Sequence[int], by: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int32]:
    """[total]: the part, 0 … ``folds`` - 1, of every row of a group, whose first row is row ``first`` of the dataset.

    The shuffled rows are dealt out in turn, from one group to the next, so parts are equal to a row.  With ``by``
    [total], a number for each row, they are dealt out in order of it, from a random one on: every part gets its share
    of the rows of one number, to two rows, and which part gets a single one is left to chance.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(total)
    if by is not None:
        order = np.roll(order[np.argsort(by[order], kind="stable")], random.integers(max(total, 1)))
    found = np.empty(total, np.int32)
    found[order] = (first + np.arange(total)) % folds
    return found
