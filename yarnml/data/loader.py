"""What one worker reads: the batch of a shard at a step, or a shard from end to end, as padded arrays.

Any worker can serve any shard: the rows are a function of (dataset, seed, epoch, shard, step).  Memory holds the
decoded pieces up to the cache limit and two blocks of rows for every shard served, whatever the size of the data.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.aligned import aligned, empty
from yarnml.data.arrays import order_of
from yarnml.data.base import Dataset
from yarnml.data.cache import Decoded, RowCache
from yarnml.data.dataset import read_group
from yarnml.data.prefetch import prefetch
from yarnml.data.rows import rows_of
from yarnml.data.schema import Rows, Schema, columns
from yarnml.data.shards import (
    FOLDS,
    SPLIT,
    Piece,
    fold_numbers,
    part,
    pieces,
    shard_sizes,
    split_rows,
    steps_per_epoch,
)
from yarnml.data.shuffled import ShuffledShard

SCAN_ROWS, SCAN_BYTES = 8192, 8 * 2**20  # bounds of one batch in a full pass; they decide the order of additions


class Loader:
    """Batches of one dataset for a fixed cut into ``shards``.

    ``stored`` is the schema of the files; ``kept`` holds decoded pieces for the next epoch, and for other feeds of the
    same rows.
    """

    def __init__(self, dataset: Dataset, stored: pa.Schema, schema: Schema, shards: int, kept: RowCache) -> None:
        self._dataset, self._schema, self._shards = dataset, schema, shards
        self._columns = columns(schema, stored)
        self._cache = kept
        self._served: dict[int, tuple[tuple[int, int, int], ShuffledShard]] = {}
        self._cut: dict[int, list[Piece]] = {}
        self._group_rows = dataset.group_rows
        self.sizes = shard_sizes(dataset.rows, shards)
        self.bytes_read = 0
        self._lock = Lock()  # one thread prepares batches, another may need a shard of another worker

    @property
    def bytes_held(self) -> int:
        """Decoded rows in memory: at most what may be kept, and two blocks for every shard that was served."""
        return self._cache.nbytes + sum(served.nbytes for _, served in self._served.values())

    def steps(self, batch_size: int | str) -> int:
        return steps_per_epoch(self.sizes, batch_size)

    def batch(self, shard: int, seed: int, epoch: int, step: int, steps: int, shuffle_rows: int) -> Rows:
        """The rows of ``shard`` at ``step`` of ``epoch``, padded to one length at all steps.  For any thread."""
        with self._lock:
            return self._batch(shard, seed, epoch, step, steps, shuffle_rows)

    def _batch(self, shard: int, seed: int, epoch: int, step: int, steps: int, shuffle_rows: int) -> Rows:
        length = max(-(-n // steps) for n in self.sizes)
        low, high = part(self.sizes[shard], steps, step)
        batch, filled, start = _room(length, self._schema), 0, 0
        served = self._serve(shard, (seed, epoch, shuffle_rows))
        for number, run in enumerate(served.runs):
            rows = sum(p.rows for p in run)
            first, last = max(low - start, 0), min(high - start, rows)
            if first < last:
                block, order = served.block(number)
                for a, out in zip(block, batch, strict=True):  # clip: all are valid, and checking them costs a copy
                    a.take(order[first:last], axis=0, out=out[filled : filled + last - first], mode="clip")
                filled += last - first
            start += rows
        return _padded(batch, filled)

    def scan(self, shard: int, keep: bool = True) -> Iterator[Rows]:
        """All rows of a shard that count, in stored order, in padded batches of one size; at least one batch.

        One piece is read ahead.  ``keep``: whether the decoded pieces stay for the next time, as far as the cache has
        room.
        """
        length = max(1, min(SCAN_ROWS, SCAN_BYTES // (4 * self._schema.width), max(self.sizes)))
        none, count = concatenate([], self._schema), 0
        for _, rows in prefetch(partial(self._load, keep=keep), self._pieces(shard), items=1):
            counting = self._counting(rows) if self._dataset.fold else rows
            none = Rows(rows.x[:1], rows.y[:1], 0 * rows.weight[:1])
            for low in range(0, len(counting.x), length):
                count += 1
                yield pad(Rows(*(a[low : low + length] for a in counting)), length)
        if not count:
            yield pad(none, length)

    def tables(self, shard: int, names: Iterable[str | None]) -> Iterator[tuple[pa.Table, str]]:
        """The raw columns of the rows that count in a shard (None is no column), piece by piece, each with the name of
        its file.
        """
        wanted = pa.schema([self._columns.field(n) for n in names if n is not None])
        for piece in self._pieces(shard):
            table, folds = self._read(piece, wanted)
            counting = table if folds is None else table.filter(pa.array(self._counts(folds)))
            yield counting, self._dataset.files[piece.file].url

    def _pieces(self, shard: int) -> list[Piece]:
        if shard not in self._cut:
            self._cut[shard] = pieces(self._dataset, self._shards, shard)
        return self._cut[shard]

    def _serve(self, shard: int, key: tuple[int, int, int]) -> ShuffledShard:
        """The shard in an epoch's order: seed, epoch, ``shuffle_rows``; the newest of each shard is kept."""
        if self._served.get(shard, (None,))[0] != key:
            self._served[shard] = key, ShuffledShard(self._pieces(shard), shard, *key, self._run, self._keeps)
        return self._served[shard][1]

    def _run(self, run: list[Piece]) -> Rows:
        return concatenate([self._load(piece) for piece in run], self._schema)

    def _keeps(self, run: list[Piece]) -> bool:
        return all(piece in self._cache for piece in run)

    def _load(self, piece: Piece, keep: bool = True) -> Rows:
        """The rows of a piece with the weights that they have here: those that don't count have none."""
        rows, folds = self._decoded(piece, keep)
        weight = rows.weight
        if self._schema.class_weights is not None:
            weight = weight * np.array(self._schema.class_weights, np.float32)[rows.y]
        if folds is not None and self._dataset.fold:
            weight = np.where(self._counts(folds), weight, np.float32(0))
        return Rows(rows.x, rows.y, aligned(weight))

    @staticmethod
    def _counting(rows: Rows) -> Rows:
        """Those that have a weight."""
        mine = rows.weight > 0
        left = Rows(*(empty((mine.sum(), *a.shape[1:]), a.dtype) for a in rows))
        for a, out in zip(rows, left, strict=True):
            a.compress(mine, axis=0, out=out)
        return left

    def _counts(self, folds: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        fold = self._dataset.fold
        assert fold
        return (folds == fold.number) == fold.held_out

    def _decoded(self, piece: Piece, keep: bool) -> Decoded:
        found = self._cache.take(piece)
        if found is None or (found.folds is None and self._dataset.fold):
            table, folds = self._read(piece, self._columns)
            found = Decoded(rows_of(table, self._schema, self._dataset.files[piece.file].url), folds)
            self.bytes_read += found.rows.nbytes
        if keep:
            self._cache.put(piece, found)
        return found

    def _read(self, piece: Piece, wanted: pa.Schema) -> tuple[pa.Table, npt.NDArray[np.int32] | None]:
        """These columns of a piece, and where the dataset has folds the part that each row is in."""
        split, fold = self._dataset.split, self._dataset.fold
        choice = split or fold
        by = self._columns.field(choice.by) if choice and choice.by else None
        extra = [by] if by is not None and by.name not in wanted.names else []
        table = read_group(self._dataset, piece.file, piece.group, pa.schema([*wanted, *extra]))
        groups = None if by is None else order_of(table.column(by.name))
        ordinal = sum(len(f.groups) for f in self._dataset.files[: piece.file]) + piece.group
        table, total = table.select(wanted.names), table.num_rows
        if fold is not None:
            first, seed = sum(self._group_rows[:ordinal]), [fold.seed, FOLDS, ordinal]
            folds = fold_numbers(total, first, fold.folds, seed, groups)
            return table.slice(piece.low, piece.rows), folds[piece.low : piece.high]
        if split is None:
            return table.slice(piece.low, piece.rows), None
        mine, seed = self._group_rows[ordinal], [split.seed, SPLIT, ordinal]
        held = mine if split.held_out else total - mine
        chosen = split_rows(total, held, seed, held_out=split.held_out, by=groups)
        return table.take(chosen[piece.low : piece.high]), None


def concatenate(parts: list[Rows], schema: Schema) -> Rows:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _room(0, schema)
    return Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def pad(rows: Rows, length: int) -> Rows:
    """Repeat the first row with weight 0 up to ``length``: one shape to compile, and no rows that a loss can't take."""
    filled = len(rows.x)
    if filled == length:
        return rows
    longer = Rows(*(empty((length, *a.shape[1:]), a.dtype) for a in rows))
    for a, out in zip(rows, longer, strict=True):
        out[:filled] = a
    return _padded(longer, filled)


def _room(length: int, schema: Schema) -> Rows:
    """So many rows, with anything in them."""
    return Rows(
        empty((length, schema.width), np.float32), empty((length,), _kind(schema)), empty((length,), np.float32)
    )


def _padded(batch: Rows, filled: int) -> Rows:
    """As `pad`, in place."""
    for a in batch[:2]:
        a[filled:] = a[:1] if filled else 0
    batch.weight[filled:] = 0
    return batch


def _kind(schema: Schema) -> type[np.generic]:
    """Of labels."""
    return np.int32 if schema.label_type == "class" else np.float32
