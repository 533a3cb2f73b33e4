"""The rows that one worker reads: the batch of a shard at a step, or a shard from end to end, as padded arrays.

Any worker can serve any shard: the rows are a function of (dataset, seed, epoch, shard, step).  Memory holds the
decoded pieces up to the cache limit and two blocks of rows for every shard served, whatever the size of the data.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate
from threading import Lock
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from yarnml.data.aligned import aligned, empty
from yarnml.data.arrays import Places
from yarnml.data.base import Dataset, GroupRows, GroupShare
from yarnml.data.batches import concatenate, empty_batch, fill_up, pad
from yarnml.data.cache import Decoded, RowCache
from yarnml.data.coded_columns import with_coded
from yarnml.data.dataset import read_group, read_stored
from yarnml.data.group_parts import is_part
from yarnml.data.keys import concatenate as concatenate_keys
from yarnml.data.prefetch import prefetch
from yarnml.data.rows import rows_of
from yarnml.data.schema import Rows, Schema, columns
from yarnml.data.shards import Piece, part, pieces, shard_sizes, steps_per_epoch
from yarnml.data.shuffled import EpochOrder, ShuffledShard

MAX_SCAN_ROWS = 8192
MAX_SCAN_BYTES = 8 * 2**20
"""Bounds of one batch in a full pass.  They decide the order of additions, so a change of them changes the bits."""


class _OrderedShard(NamedTuple):
    """A shard in the order of the epoch that was asked for last."""

    order: EpochOrder
    shard: ShuffledShard


class RawRows(NamedTuple):
    """Rows of one file with some of their columns as they are stored; ``numbers`` [rows]: of each in the dataset."""

    table: pa.Table
    numbers: Places
    url: str


class Loader:
    """Batches of one dataset for a fixed cut into ``shards``.

    ``stored``: the schema of the files.
    ``cache``: keeps decoded pieces for the next epoch, and for other loaders of the same rows.
    ``trains``: whether these are the rows to train on, which steps that see labels prepare in another way.
    """

    def __init__(
        self, dataset: Dataset, stored: pa.Schema, schema: Schema, shards: int, cache: RowCache, *, trains: bool = False
    ) -> None:
        self._dataset = dataset
        self._schema = schema
        self._shards = shards
        self._columns = columns(schema, stored)
        self._decoded_columns = with_coded(self._columns, {f.name for f in schema.keyed if f.takes_dictionary})
        self._cache = cache
        self._trains = trains
        self._shuffled: dict[int, _OrderedShard] = {}
        self._pieces: dict[int, list[Piece]] = {}
        self._group_rows = dataset.group_rows
        self._first_rows = [0, *accumulate(self._group_rows)]
        self.sizes = shard_sizes(dataset.rows, shards)
        self.bytes_read = 0
        # One thread prepares batches while another may need a shard of a late worker; a `ShuffledShard` serves one.
        self._lock = Lock()

    @property
    def bytes_held(self) -> int:
        """Decoded rows in memory: at most the cache's limit, and two blocks for every shard that was served."""
        return self._cache.nbytes + sum(ordered.shard.nbytes for ordered in self._shuffled.values())

    @property
    def has_folds(self) -> bool:
        """True for a fold of a dataset, of which a scan gives only the rows that have a weight."""
        return self._dataset.fold is not None

    def steps(self, batch_size: int | str) -> int:
        """Steps of one epoch."""
        return steps_per_epoch(self.sizes, batch_size)

    def batch(self, shard: int, seed: int, epoch: int, step: int, steps: int, shuffle_rows: int) -> Rows:
        """The rows of ``shard`` at ``step`` of ``epoch``, padded to one length at all steps.  For any thread."""
        with self._lock:
            return self._batch(self._shuffled_shard(shard, EpochOrder(seed, epoch, shuffle_rows)), shard, step, steps)

    def _batch(self, shuffled: ShuffledShard, shard: int, step: int, steps: int) -> Rows:
        length = max(-(-n // steps) for n in self.sizes)
        low, high = part(self.sizes[shard], steps, step)
        batch = empty_batch(length, self._schema)
        filled = 0
        keys = []
        block_start = 0
        for number, run in enumerate(shuffled.runs):
            block_rows = sum(p.rows for p in run)
            first = max(low - block_start, 0)
            last = min(high - block_start, block_rows)
            if first < last:
                block, order = shuffled.block(number)
                # clip: all places are valid, and to check them NumPy would first make a copy
                for source, target in zip(block.arrays, batch.arrays, strict=True):
                    source.take(order[first:last], axis=0, out=target[filled : filled + last - first], mode="clip")
                if block.keys:
                    keys.append(block.keys.take(order[first:last]))
                filled += last - first
            block_start += block_rows
        if keys:
            batch = batch._replace(keys=concatenate_keys(keys).padded(length))
        return fill_up(batch, filled)

    def scan(self, shard: int, keep: bool = True) -> Iterator[Rows]:
        """All rows of a shard that count, in stored order, in padded batches of one size; at least one batch.

        One piece is read ahead.

        ``keep``: whether the decoded pieces stay for the next time, as far as the cache has room.
        """
        length = max(1, min(MAX_SCAN_ROWS, MAX_SCAN_BYTES // max(1, 4 * self._schema.row_width), max(self.sizes)))
        weightless = concatenate([], self._schema)
        count = 0
        for _, rows in prefetch(partial(self._load, keep=keep), self._pieces_of(shard), max_items=1):
            counting = self._with_weight(rows) if self._dataset.fold else rows
            first = rows.between(0, 1)
            weightless = first._replace(weight=0 * first.weight)
            for low in range(0, len(counting.x), length):
                count += 1
                yield _wide(pad(counting.between(low, low + length), length))
        if not count:  # with a real row, if the shard has any: a loss may not take rows of zeros
            yield _wide(pad(weightless, length))

    def tables(self, shard: int, names: Iterable[str | None]) -> Iterator[RawRows]:
        """Some raw columns of the rows that count in a shard, piece by piece.

        ``names``: of the columns; None is no column.
        """
        chosen = pa.schema([self._columns.field(n) for n in names if n is not None])
        for piece in self._pieces_of(shard):
            table, folds = self._read(piece, chosen)
            numbers = self._numbers(piece, len(table))
            if folds is not None and self._dataset.fold:
                counting = self._dataset.fold.counts(folds)
                table = table.filter(pa.array(counting))
                numbers = numbers[counting]
            yield RawRows(table, numbers, self._dataset.files[piece.file].url)

    def _pieces_of(self, shard: int) -> list[Piece]:
        if shard not in self._pieces:
            self._pieces[shard] = pieces(self._dataset, self._shards, shard)
        return self._pieces[shard]

    def _shuffled_shard(self, shard: int, order: EpochOrder) -> ShuffledShard:
        """The shard in an epoch's order; only the newest order of each shard is kept."""
        ordered = self._shuffled.get(shard)
        if ordered is None or ordered.order != order:
            shuffled = ShuffledShard(self._pieces_of(shard), shard, order, self._read_run, self._is_cached)
            ordered = _OrderedShard(order, shuffled)
            self._shuffled[shard] = ordered
        return ordered.shard

    def _read_run(self, run: list[Piece]) -> Rows:
        return concatenate([self._load(piece) for piece in run], self._schema)

    def _is_cached(self, run: list[Piece]) -> bool:
        return all(piece in self._cache for piece in run)

    def _load(self, piece: Piece, keep: bool = True) -> Rows:
        """The rows of a piece with the weights that they have in this dataset: rows that don't count have weight 0."""
        rows, folds = self._decode(piece, keep)
        weight = rows.weight
        if self._schema.class_weights is not None:
            weight = weight * np.array(self._schema.class_weights, np.float32)[rows.y]
        if folds is not None and self._dataset.fold:
            weight = np.where(self._dataset.fold.counts(folds), weight, np.float32(0))
        return rows._replace(weight=aligned(weight))

    @staticmethod
    def _with_weight(rows: Rows) -> Rows:
        """The rows whose weight is not 0."""
        has_weight = rows.weight > 0
        keys = rows.keys.take(np.flatnonzero(has_weight)) if rows.keys else None
        chosen = Rows.of((empty((has_weight.sum(), *a.shape[1:]), a.dtype) for a in rows.arrays), keys)
        for source, target in zip(rows.arrays, chosen.arrays, strict=True):
            source.compress(has_weight, axis=0, out=target)
        return chosen

    def _decode(self, piece: Piece, keep: bool) -> Decoded:
        """All rows of a piece, out of the cache or read; a loader without folds may have put them there, without."""
        decoded = self._cache.take(piece)
        if decoded is None or (decoded.folds is None and self._dataset.fold):
            table, folds = self._read(piece, self._decoded_columns)
            numbers = self._numbers(piece, len(table)) if self._trains else None
            decoded = Decoded(rows_of(table, self._schema, self._dataset.files[piece.file].url, numbers), folds)
            self.bytes_read += decoded.rows.nbytes
        if keep:
            self._cache.put(piece, decoded)
        return decoded

    def _read(self, piece: Piece, chosen: pa.Schema) -> GroupRows:
        """Read these columns of a piece, and where the dataset has folds the part that each row is in."""
        if is_part(self._dataset, piece):
            return GroupRows(read_stored(self._dataset, piece.file, piece.group, chosen, (piece.low, piece.high)))
        read = chosen
        stratum = self._dataset.stratum
        if stratum is not None and stratum not in chosen.names:
            read = pa.schema([*chosen, self._columns.field(stratum)])
        table = read_group(self._dataset, piece.file, piece.group, read)
        rows = self._dataset.rows_of(table, self._share(piece), piece.low, piece.high)
        return rows if read is chosen else rows._replace(table=rows.table.select(chosen.names))

    def _share(self, piece: Piece) -> GroupShare:
        number = self._dataset.first_groups[piece.file] + piece.group
        return GroupShare(number, self._first_rows[number], self._group_rows[number])

    def _numbers(self, piece: Piece, rows: int) -> Places:
        """[rows]: the number of each row of a piece in the dataset."""
        return self._share(piece).first + piece.low + np.arange(rows)


def _wide(rows: Rows) -> Rows:
    """Make the keys of rows whole."""
    return rows._replace(keys=rows.keys.wide()) if rows.keys else rows
