"""The ages of rows: how many updates ago the key of each came last."""

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Array
from yarnml.sparse.growing import GrowingArray
from yarnml.sparse.index import Numbers

Mask = npt.NDArray[np.bool_]


class Ages:
    """The number of updates up to the last in which each key came, by number of the key.

    A row is *stale* when its key has not come for more than ``max_age`` updates: it is as if it were not there.
    ``clock`` is the number of all updates so far.  ``max_age`` 0: no row is ever stale.
    ``kept``: False where nobody asks for ages, and nothing is kept.
    """

    def __init__(self, max_age: int, *, kept: bool) -> None:
        self._max_age = max_age
        self._is_kept = kept
        self._touched = GrowingArray((), np.int32)

    @property
    def touched(self) -> Array:
        """int32 [rows]; valid until the next ones are added."""
        return self._touched.rows

    @property
    def nbytes(self) -> int:
        return self._touched.nbytes if self._is_kept else 0

    def append(self, touched: Array) -> None:
        """Add rows behind the last."""
        if self._is_kept:
            self._touched.append(touched.astype(np.int32))

    def of(self, numbers: Numbers) -> Array:
        """int32 [numbers], copies; any for the number -1, and where none are kept."""
        return self.touched.take(numbers, mode="clip") if len(self.touched) else np.zeros(len(numbers), np.int32)

    def stale(self, numbers: Numbers, clock: int) -> Mask:
        """Tell which of these rows are stale; any answer for the number -1."""
        if not self._max_age or not len(self.touched):
            return np.zeros(len(numbers), bool)
        return self.touched.take(numbers, mode="clip") < clock - self._max_age

    def fresh(self, rows: int, clock: int) -> Mask:
        """Tell which of all ``rows`` are not stale."""
        return self.touched >= clock - self._max_age if self._max_age else np.ones(rows, bool)

    def touch(self, numbers: Numbers, touched: Array | int) -> Array:
        """Set the number of updates of these rows; return what it was."""
        if not self._is_kept:
            return np.zeros(len(numbers), np.int32)
        before = self.touched[numbers]
        self.touched[numbers] = touched
        return before

    def is_time_to_sweep(self, clock: int) -> bool:
        """True where stale rows shall be looked for again: so often that few become stale in between."""
        return self._max_age > 0 and clock % max(1, self._max_age // 8) == 0

    def cut(self, count: int) -> None:
        """Take away all rows behind the first ``count``."""
        self._touched.cut(count)

    def keep(self, kept: Mask) -> None:
        """Take away all rows but these."""
        if self._is_kept:
            self._touched.keep(kept)
