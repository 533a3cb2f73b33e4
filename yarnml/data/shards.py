"""The cut of a dataset into shards, and of each shard into the parts of an epoch's steps.  Pure, from counts alone.

A shard is a run of consecutive rows of the dataset, equal to a row; the cut depends on the data and the number of
shards, never on the workers.  An epoch cuts every shard into as many near-equal parts as there are steps, so every
row counts exactly once per epoch and no step holds more rows than ``batch_size``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yarnml.data.base import Dataset


class Piece(NamedTuple):
    """Rows ``low`` … ``high`` - 1 of one group, numbered within the dataset's share of it.

    ``file``: the file's number in the dataset.
    ``group``: the group's number in its file.
    """

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
    """The number of rows in each shard."""
    return [high - low for low, high in (bounds(rows, shards, s) for s in range(shards))]


def pieces(dataset: Dataset, shards: int, shard: int) -> list[Piece]:
    """The groups, or parts of groups, that make up one shard, in order."""
    low, high = bounds(dataset.rows, shards, shard)
    shard_pieces = []
    start = 0
    for (file, group), rows in zip(dataset.places, dataset.group_rows, strict=True):
        first = max(low - start, 0)
        end = min(high - start, rows)
        if first < end:
            shard_pieces.append(Piece(file, group, first, end))
        start += rows
    return shard_pieces


def groups_of_shard(dataset: Dataset, shards: int, shard: int) -> list[tuple[int, int]]:
    """The groups whose first row is in a shard, each its file and its number there: of every group one shard has it."""
    return [(piece.file, piece.group) for piece in pieces(dataset, shards, shard) if piece.low == 0]


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
