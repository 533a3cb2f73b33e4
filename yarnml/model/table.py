"""The program of a model with a table, with the weights that it needs, looked up where they are stored."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.data.keys import KeyRows
from yarnml.sparse.gathered import gather
from yarnml.sparse.stored import KEYS, weights_of


class TablePredictor:
    """The program of a model with a table, with all that it needs but the rows.

    ``call``: the program.  ``arrays``: what belongs to no key.  ``table``: as `read_table` gives it.
    """

    def __init__(self, call: Callable[..., Any], arrays: dict[str, jax.Array], table: Mapping[str, Array]) -> None:
        self._call = call
        self._arrays = arrays
        self._table = table

    def check(self, width: int, *, fields: bool) -> None:
        """Raise where the program is not for these arrays, and for rows of this width.

        ``fields``: whether it sees which column each key is of.
        """
        form: Any = jax.ShapeDtypeStruct
        weights = {
            name: form((2, math.prod(a.shape[1:])), np.float32) for name, a in self._table.items() if name != KEYS
        }
        numbers = form((2,), np.int32)
        entries = [numbers, numbers, form((2,), np.float32), *([numbers] if fields else [])]
        jax.eval_shape(self._call, self._arrays, form((1, width), np.float32), weights, *entries)

    def predict(self, x: Matrix, keys: KeyRows) -> Matrix:
        """Outputs for some rows; a key that the model does not know contributes nothing."""
        needed = gather(keys, partial(weights_of, self._table))
        value = np.ones(len(needed.place), np.float32) if needed.value is None else needed.value
        fields = [] if needed.field is None else [needed.field]
        outputs = self._call(self._arrays, x, needed.weights, needed.place, needed.row, value, *fields)
        return np.asarray(outputs)
