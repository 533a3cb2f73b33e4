"""A model's outputs for the rows of a dataset, shard by shard: what predictions and metrics are made of."""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.control.commands import Scoring, from_ipc
from yarnml.data.dataset import read_group
from yarnml.data.prefetch import prefetch
from yarnml.data.rows import features_of, keys_of
from yarnml.data.shards import Piece, pieces, shard_sizes
from yarnml.data.valid_rows import valid_features
from yarnml.errors import DataError, ExportError
from yarnml.model.model import Model

MAX_ROWS = 16384
MAX_BYTES = 8 * 2**20
"""Bounds of the rows that the program gets at once.  They may decide bits of the outputs."""

CHUNK_BYTES = 16 * 2**20
"""Features that are prepared at once, for some calls of the program: each column costs a little every time."""


class ScoredRows(NamedTuple):
    """Some rows and the model's outputs for them.

    ``table``: as they are stored.  ``x``: float32 [rows, row_width], prepared.
    ``outputs``: [rows, classes] or [rows].
    ``is_valid``: [rows], False for a row that the model can't take, whose outputs mean nothing.
    """

    table: pa.Table
    x: npt.NDArray[np.float32]
    outputs: npt.NDArray[np.float32]
    is_valid: npt.NDArray[np.bool_]


class Scorer:
    """Applies one model to the shards of a dataset; the same bits for a shard on any worker."""

    def __init__(self, scoring: Scoring) -> None:
        self.model = _load(scoring.model, scoring.digest)
        self._scoring = scoring
        self._columns = from_ipc(scoring.stored)
        largest = max(shard_sizes(scoring.dataset.rows, scoring.shards))
        row_bytes = 4 * max(self.model.schema.row_width, 1)
        # One number of rows for all calls: one shape to compile, and outputs that do not depend on the cut.
        self._rows = max(1, min(MAX_ROWS, MAX_BYTES // row_bytes, largest))
        self._chunk = self._rows * max(1, CHUNK_BYTES // (row_bytes * self._rows))

    def scan(self, shard: int) -> Iterator[ScoredRows]:
        """Score all rows of a shard, in order, some at a time; the next group of rows is read meanwhile."""
        dataset = self._scoring.dataset
        parts = pieces(dataset, self._scoring.shards, shard)
        for piece, table in prefetch(partial(self._read, columns=self._columns), parts, max_items=1):
            url = dataset.files[piece.file].url
            for low in range(0, table.num_rows, self._chunk):
                yield self._score(table.slice(low, self._chunk), url)

    def features(self, shard: int) -> Iterator[tuple[pa.Table, npt.NDArray[np.float32]]]:
        """Read all rows of a shard, some at a time, with their features prepared, and score nothing."""
        for table in self.tables(shard, self._columns.names):
            for low in range(0, table.num_rows, self._chunk):
                part = table.slice(low, self._chunk)
                yield part, features_of(part, self.model.schema, "the data")

    def tables(self, shard: int, names: list[str]) -> Iterator[pa.Table]:
        """Read some columns of a shard, and score nothing."""
        chosen = pa.schema([self._columns.field(name) for name in names])
        for piece in pieces(self._scoring.dataset, self._scoring.shards, shard):
            yield self._read(piece, chosen)

    def _read(self, piece: Piece, columns: pa.Schema) -> pa.Table:
        table = read_group(self._scoring.dataset, piece.file, piece.group, columns)
        return table.slice(piece.low, piece.rows)

    def _score(self, table: pa.Table, url: str) -> ScoredRows:
        if self._scoring.on_error == "fail":
            x = features_of(table, self.model.schema, url)
            is_valid = np.ones(len(x), np.bool_)
        else:
            x, is_valid = valid_features(table, self.model.schema, url)
        keys = keys_of(table, self.model.schema, url)
        calls = [(low, low + self._rows) for low in range(0, len(x), self._rows)]
        parts = [(x[low:high], keys.slice(low, high) if keys else None) for low, high in calls]
        outputs = np.concatenate([self.model.call(part, self._rows, own) for part, own in parts])
        if not np.isfinite(outputs[is_valid]).all():
            raise DataError(
                f"{url}: the model's outputs hold NaN or infinity; its features are far outside of what it learnt from."
            )
        return ScoredRows(table, x, outputs, is_valid)


@lru_cache(1)
def _load(folder: str, digest: str) -> Model:
    """Load the version that the master has looked at; ExportError where another one is there now."""
    model = Model(folder)
    if model.digest != digest:
        raise ExportError(f"{folder} is another model than when this job began; run it again.")
    return model
