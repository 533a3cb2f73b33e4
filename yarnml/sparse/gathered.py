"""The part of a table that a batch needs: weights of its different keys, and where each of its entries finds them.

All arrays are padded, so that a handful of shapes is compiled.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.data.aligned import empty
from yarnml.data.arrays import Array, Matrix
from yarnml.data.keys import KeyRows
from yarnml.sparse.index import distinct
from yarnml.sparse.run import Keys

SMALLEST_PADDED = 64

Weights = dict[str, Matrix]
"""By block: [keys, width]."""


class Gathered(NamedTuple):
    """Different keys, and the entries of some rows.

    ``keys``: [different keys], ascending.
    ``weights``: by block, [different keys and padding, width].
    ``place``: int32 [entries], the place of each entry's key; of padding that of a row of zeros.
    ``row``: int32 [entries], ascending; that of padding is behind the last.
    ``value``: float32 [entries], 0 for padding; None where all are 1.
    ``field``: int32 [entries], the number of each entry's column, 0 for padding; None where the rows do not say it.
    """

    keys: Keys
    weights: Weights
    place: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    value: Matrix | None
    field: npt.NDArray[np.int32] | None = None

    @property
    def counts(self) -> Array:
        """[different keys]: how often each comes."""
        return np.bincount(self.place, minlength=len(self.keys))[: len(self.keys)]  # padding is behind all keys

    @property
    def nbytes(self) -> int:
        """Bytes of all but the weights."""
        arrays = self.keys, self.place, self.row, self.value, self.field
        return sum(array.nbytes for array in arrays if array is not None)

    def with_weights(self, weights_of: Callable[[Keys], Weights]) -> "Gathered":
        """Gather the weights of the keys.  ``weights_of``: those of ascending keys."""
        count = _padded_keys(self.keys)
        return self._replace(weights={name: padded(w, count, 0.0) for name, w in weights_of(self.keys).items()})


def gather(keys: KeyRows, weights_of: Callable[[Keys], Weights]) -> Gathered:
    """Find the different keys of rows and gather their weights.  ``weights_of``: the weights of ascending keys."""
    return different_keys(keys).with_weights(weights_of)


def different_keys(keys: KeyRows) -> Gathered:
    """Find the different keys of rows, without any weights yet."""
    different = distinct(keys.keys)
    place = different.places
    size = padded_size(len(place))
    value = None if keys.values is None else padded(keys.values, size, 0.0)
    field = None if keys.fields is None else padded(keys.fields.astype(np.int32), size, 0)
    nowhere = _padded_keys(different.keys) - 1
    return Gathered(different.keys, {}, padded(place, size, nowhere), padded(keys.rows, size, keys.size), value, field)


def _padded_keys(keys: Keys) -> int:
    """Rows of weights for different keys, with one more for entries that are padding."""
    return padded_size(len(keys) + 1)


def padded_size(count: int) -> int:
    """A size of at least ``count``: a power of two, or halfway to the next."""
    power = 1 << max(count, SMALLEST_PADDED).bit_length() - 1
    return next(size for size in (power, 3 * power // 2, 2 * power) if size >= count)


def padded(array: Array, size: int, fill: float) -> Array:
    """A copy in aligned memory, filled up to ``size`` rows."""
    longer = empty((size, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    longer[len(array) :] = fill
    return longer
