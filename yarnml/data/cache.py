"""A worker's cache of decoded rows, for the next epoch and for other trainings on the same rows."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Rows
from yarnml.data.shards import Piece


class Decoded(NamedTuple):
    """All rows of a piece, with the weights that they have in the data.

    ``folds`` [rows]: the part that each is in, where the dataset has folds.
    """

    rows: Rows
    folds: npt.NDArray[np.int32] | None

    @property
    def nbytes(self) -> int:
        return self.rows.nbytes + (0 if self.folds is None else self.folds.nbytes)


class RowCache:
    """Decoded pieces of one dataset, those that were used last, of at most ``limit`` bytes in all.  For any thread."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nbytes = 0
        self._pieces: OrderedDict[Piece, Decoded] = OrderedDict()
        # One thread prepares batches while another may read a shard of a late worker, both from the same cache.
        self._lock = Lock()

    def __contains__(self, piece: Piece) -> bool:
        return piece in self._pieces

    def take(self, piece: Piece) -> Decoded | None:
        """Remove a piece and return it, if it is here; `put` it back where it shall stay."""
        with self._lock:
            return self._drop(piece)

    def put(self, piece: Piece, decoded: Decoded) -> None:
        """Keep a piece, if there is room, as the one used last."""
        with self._lock:
            self._drop(piece)
            if decoded.nbytes <= self.limit:
                self._pieces[piece] = decoded
                self.nbytes += decoded.nbytes
            while self.nbytes > self.limit:
                self._drop(next(iter(self._pieces)))

    def _drop(self, piece: Piece) -> Decoded | None:
        decoded = self._pieces.pop(piece, None)
        self.nbytes -= decoded.nbytes if decoded else 0
        return decoded
