"""What one worker reads: the batch of a shard at a step, or a shard from end to end, as padded arrays.

Any worker can serve any shard: the rows are a function of (dataset, seed, epoch, shard, step).  Memory holds the
decoded pieces up to the cache limit and one block of rows for every shard served, whatever the size of the data.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from functools import partial
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.aligned import empty
from yarnml.data.ahead import ahead
from yarnml.data.arrays import order_of
from yarnml.data.base import Dataset
from yarnml.data.dataset import read_group
from yarnml.data.rows import rows_of
from yarnml.data.schema import Rows, Schema, columns
from yarnml.data.shards import Piece, blocks, part, pieces, shard_sizes, shuffled, split_rows, steps_per_epoch

SCAN_ROWS, SCAN_BYTES = 8192, 8 * 2**20  # bounds of one batch in a full pass; they decide the order of additions

Order = npt.NDArray[np.int64]

_SPLIT, _BLOCKS, _ROWS = 1, 2, 3  # keep the seeds of different choices apart


class Feed:
    """Batches of one dataset for a fixed cut into ``shards``.

    ``stored`` is the schema of the files; ``cache_bytes`` bounds the decoded pieces kept for the next epoch.
    """

    def __init__(self, dataset: Dataset, stored: pa.Schema, schema: Schema, shards: int, cache_bytes: int) -> None:
        self._dataset, self._schema, self._shards = dataset, schema, shards
        self._columns = columns(schema, stored)
        self._cache: OrderedDict[Piece, Rows] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._served: dict[int, tuple[tuple[int, int, int], Rows, Order]] = {}
        self._order: dict[int, tuple[tuple[int, int, int], list[list[Piece]]]] = {}
        self._cut: dict[int, list[Piece]] = {}
        self._group_rows = dataset.group_rows
        self.sizes = shard_sizes(dataset.rows, shards)
        self.bytes_read = 0
        self._lock = Lock()  # one thread reads ahead, another may need a shard of another worker

    @property
    def bytes_held(self) -> int:
        """Decoded rows in memory: at most the cache limit, and one block for every shard that was served."""
        blocks = sum(rows.nbytes + order.nbytes for _, rows, order in self._served.values())
        return blocks + sum(rows.nbytes for rows in self._cache.values())

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
        for number, run in enumerate(self._runs(shard, seed, epoch, shuffle_rows)):
            rows = sum(p.rows for p in run)
            first, last = max(low - start, 0), min(high - start, rows)
            if first < last:
                block, order = self._block(shard, (seed, epoch, number), run)
                for a, out in zip(block, batch, strict=True):  # clip: all are valid, and checking them costs a copy
                    a.take(order[first:last], axis=0, out=out[filled : filled + last - first], mode="clip")
                filled += last - first
            start += rows
        return _padded(batch, filled)

    def scan(self, shard: int, keep: bool = True) -> Iterator[Rows]:
        """All rows of a shard in stored order, in padded batches of one size; at least one batch.

        One piece is read ahead.  ``keep``: whether the decoded pieces stay for the next time, as far as the cache has
        room.
        """
        length = max(1, min(SCAN_ROWS, SCAN_BYTES // (4 * self._schema.width), max(self.sizes)))
        if not self._pieces(shard):
            yield pad(concatenate([], self._schema), length)
        for piece, rows in ahead(partial(self._kept, keep=keep), self._pieces(shard), items=1):
            for low in range(0, piece.rows, length):
                yield pad(Rows(*(a[low : low + length] for a in rows)), length)

    def tables(self, shard: int, names: Iterable[str | None]) -> Iterator[tuple[pa.Table, str]]:
        """The raw columns of a shard (None is no column), piece by piece, each with the name of its file."""
        wanted = pa.schema([self._columns.field(n) for n in names if n is not None])
        for piece in self._pieces(shard):
            yield self._read(piece, wanted), self._dataset.files[piece.file].url

    def _pieces(self, shard: int) -> list[Piece]:
        if shard not in self._cut:
            self._cut[shard] = pieces(self._dataset, self._shards, shard)
        return self._cut[shard]

    def _runs(self, shard: int, seed: int, epoch: int, shuffle_rows: int) -> list[list[Piece]]:
        """The shard's blocks in this epoch's order; the newest epoch's are kept."""
        key = seed, epoch, shuffle_rows
        if self._order.get(shard, (None,))[0] != key:
            self._order[shard] = key, blocks(self._pieces(shard), shuffle_rows, [seed, _BLOCKS, epoch, shard])
            self._served.pop(shard, None)
        return self._order[shard][1]

    def _block(self, shard: int, key: tuple[int, int, int], run: list[Piece]) -> tuple[Rows, Order]:
        """The rows of one block, and their shuffled order; the newest block of each shard is kept."""
        held = self._served.get(shard)
        if held is None or held[0] != key:
            self._served.pop(shard, None)
            seed, epoch, number = key
            rows = concatenate([self._load(piece) for piece in run], self._schema)
            order = shuffled(len(rows.x), [seed, _ROWS, epoch, shard, number])
            held = self._served[shard] = key, rows, order
        return held[1], held[2]

    def _kept(self, piece: Piece, keep: bool) -> Rows:
        with self._lock:
            return self._load(piece, keep)

    def _load(self, piece: Piece, keep: bool = True) -> Rows:
        if (cached := self._cache.pop(piece, None)) is not None:
            if keep:
                self._cache[piece] = cached
            return cached
        url = self._dataset.files[piece.file].url
        rows = rows_of(self._read(piece, self._columns), self._schema, url)
        self.bytes_read += rows.nbytes
        if keep and rows.nbytes <= self._cache_bytes:
            self._cache[piece] = rows
            while sum(r.nbytes for r in self._cache.values()) > self._cache_bytes:
                self._cache.popitem(last=False)
        return rows

    def _read(self, piece: Piece, wanted: pa.Schema) -> pa.Table:
        split = self._dataset.split
        by = self._columns.field(split.by) if split and split.by else None
        extra = [by] if by is not None and by.name not in wanted.names else []
        table = read_group(self._dataset, piece.file, piece.group, pa.schema([*wanted, *extra]))
        if split is None:
            return table.slice(piece.low, piece.rows)
        ordinal = sum(len(f.groups) for f in self._dataset.files[: piece.file]) + piece.group
        mine = self._group_rows[ordinal]
        held = mine if split.held_out else table.num_rows - mine
        seed = [split.seed, _SPLIT, ordinal]
        groups = None if by is None else order_of(table.column(by.name))
        chosen = split_rows(table.num_rows, held, seed, held_out=split.held_out, by=groups)
        return table.select(wanted.names).take(chosen[piece.low : piece.high])


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
