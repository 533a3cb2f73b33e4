"""The cut: shards, steps, blocks and splits take every row exactly once."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yarnml.data.base import Dataset, File, Group, Split
from yarnml.data.sampling import shuffled, split_rows
from yarnml.data.shards import (
    Piece,
    blocks,
    bounds,
    part,
    pieces,
    shard_sizes,
    steps_per_epoch,
)

sizes = st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=6), min_size=1, max_size=5)
shard_counts = st.integers(1, 12)
seeds = st.integers(0, 2**32 - 1)
fractions = st.floats(0, 1, exclude_min=True, exclude_max=True)


def dataset_of(files: list[list[int]], split: Split | None = None) -> Dataset:
    """A dataset with groups of these sizes, file by file."""
    entries = [File(f"{f}", 0, f"{f}", tuple(Group(n, 0, 0) for n in groups)) for f, groups in enumerate(files)]
    return Dataset("parquet", tuple(entries), split)


def rows_in(cut: Iterable[Piece]) -> Counter[tuple[int, int, int]]:
    """(file, group, row) with how often it occurs."""
    return Counter((p.file, p.group, row) for p in cut for row in range(p.low, p.high))


def every_row(dataset: Dataset) -> Counter[tuple[int, int, int]]:
    places = [(f, g) for f, file in enumerate(dataset.files) for g in range(len(file.groups))]
    return Counter((f, g, r) for (f, g), n in zip(places, dataset.group_rows, strict=True) for r in range(n))


@given(rows=st.integers(0, 10**12), shards=shard_counts)
def test_shards_are_equal_to_a_row(rows: int, shards: int) -> None:
    """Shards follow one another without gap or overlap, and their sizes differ by at shuffle_rows one row."""
    edges = [bounds(rows, shards, s) for s in range(shards)]
    assert edges[0][0] == 0
    assert edges[-1][1] == rows
    assert all(a[1] == b[0] for a, b in pairwise(edges))
    all_sizes = shard_sizes(rows, shards)
    assert sum(all_sizes) == rows
    assert max(all_sizes) - min(all_sizes) <= 1


@given(files=sizes, shards=shard_counts)
def test_pieces_cover_every_row_once(files: list[list[int]], shards: int) -> None:
    """The pieces of all shards are all rows, each once, in stored order; each shard has the rows that it should."""
    dataset = dataset_of(files)
    cut = [pieces(dataset, shards, s) for s in range(shards)]
    assert rows_in(p for shard in cut for p in shard) == every_row(dataset)
    assert [sum(p.rows for p in shard) for shard in cut] == shard_sizes(dataset.rows, shards)
    assert all(list(shard) == sorted(shard) for shard in cut)


@given(files=sizes, fraction=fractions, seed=seeds, shards=shard_counts)
def test_a_split_is_a_partition(files: list[list[int]], fraction: float, seed: int, shards: int) -> None:
    """Held-out and kept rows are, group by group, all rows once; the held-out share is the fraction, to a row."""
    held, kept = (dataset_of(files, Split(seed, fraction, held_out)) for held_out in (True, False))
    groups = [n for file in files for n in file]
    assert [h + k for h, k in zip(held.group_rows, kept.group_rows, strict=True)] == groups
    assert min([*held.group_rows, *kept.group_rows]) >= 0
    assert abs(held.rows - fraction * sum(groups)) <= 1
    for number, (total, rows) in enumerate(zip(groups, held.group_rows, strict=True)):
        out, stay = (split_rows(total, rows, [seed, number], held_out=h) for h in (True, False))
        assert sorted([*out, *stay]) == list(range(total))
        assert len(out) == rows
    for side in (held, kept):
        assert rows_in(p for s in range(shards) for p in pieces(side, shards, s)) == every_row(side)


@given(rows=st.integers(1, 5000), shards=shard_counts, batch=st.integers(1, 600))
def test_steps_of_an_epoch(rows: int, shards: int, batch: int) -> None:
    """No step exceeds batch_size (or one row per shard), every row is in one step, and fewer steps would not do."""
    cut = shard_sizes(rows, shards)
    steps = steps_per_epoch(cut, batch)
    parts = [[part(n, steps, t) for t in range(steps)] for n in cut]
    loads = [sum(high - low for low, high in (shard[t] for shard in parts)) for t in range(steps)]
    assert max(loads) <= max(batch, shards)
    assert sum(loads) == rows
    assert all(shard[0][0] == 0 and shard[-1][1] == n for shard, n in zip(parts, cut, strict=True))
    if steps > 1:
        fewer = [sum(-(-n // (steps - 1)) for n in cut), -(-rows // (steps - 1))]
        assert max(fewer) > max(batch, shards)


def test_full_batches() -> None:
    """``full`` is one step per pass over the data, whatever its size."""
    assert steps_per_epoch([10**9, 10**9], "full") == 1


@given(rows=st.lists(st.integers(1, 50), max_size=20), shuffle_rows=st.integers(1, 100), seed=seeds)
def test_blocks_keep_every_piece(rows: list[int], shuffle_rows: int, seed: int) -> None:
    """Blocks hold every piece once; none exceeds shuffle_rows unless it is a single piece."""
    shard = [Piece(0, g, 0, n) for g, n in enumerate(rows)]
    runs = blocks(shard, shuffle_rows, [seed])
    assert sorted(p for run in runs for p in run) == shard
    assert all(len(run) == 1 or sum(p.rows for p in run) <= shuffle_rows for run in runs)


@given(rows=st.integers(0, 300), seed=seeds)
def test_shuffled_is_a_permutation(rows: int, seed: int) -> None:
    """A shuffle is every row once, the same for the same seed."""
    order = shuffled(rows, [seed])
    assert sorted(order) == list(range(rows))
    assert np.array_equal(order, shuffled(rows, [seed]))


@pytest.mark.parametrize("change", [{"split": Split(1, 0.5, True)}, {"format": "csv"}, {"files": ()}])
def test_fingerprint(change: dict[str, Any]) -> None:
    """A dataset's fingerprint depends on its contents, format and split, not on where it is stored."""
    files = (File("/a", 10, "x", ()), File("/b", 20, "y", ()))
    dataset = Dataset("parquet", files)
    moved = Dataset("parquet", (File("/c", 10, "x", ()), File("/d", 20, "y", ())))
    assert dataset.fingerprint == moved.fingerprint
    assert dataset.fingerprint != Dataset("parquet", files[::-1]).fingerprint
    fields: dict[str, Any] = {"format": "parquet", "files": files, "split": None, **change}
    assert dataset.fingerprint != Dataset(**fields).fingerprint
