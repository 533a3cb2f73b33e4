"""A trained model, loaded: predicts from tables or arrays without the code that trained it."""

import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import Array, to_float32
from yarnml.data.offsets import all_offsets, distances
from yarnml.data.rows import check_finite, features_of
from yarnml.data.shapes import columns_of
from yarnml.errors import DataError, ExportError
from yarnml.model.coefficients import coefficients
from yarnml.model.export import read_model, readable, resolve
from yarnml.model.importances import importances
from yarnml.model.pairs import pairs_of
from yarnml.model.program import load_program
from yarnml.model.top_items import NOTHING, best, factors_of, known, seen_of
from yarnml.storage import absolute

_MAX_ROWS_PER_CALL = 65536


class Model:
    """One version of an exported model.  ``about`` is its model.json: learner, metrics, data, packages, job."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        arrays, program, self.schema, self.about = read_model(folder)
        with readable(folder):
            self._arrays = {name: jax.numpy.asarray(a) for name, a in arrays.items()}
            self._offsets = all_offsets(self.schema)
            self._call = load_program(program)
            row = jax.ShapeDtypeStruct((1, self.schema.width), jax.numpy.float32)
            jax.eval_shape(self._call, self._arrays, row)  # the program is for these arrays, and for rows of this width

    def predict(self, data: Any) -> npt.NDArray[Any]:
        """Return one prediction per row, [rows]: the class, in the label's own type, the number, or the cluster.

        Where there is nothing to choose from, such as the coordinates of ``pca``, the outputs themselves.

        ``data`` is a table with the feature columns (of pyarrow, or of any library that speaks Arrow's C interface), a
        mapping of columns, or an array [rows, width] (or [rows, *shape]) of the features in the job file's order.
        """
        outputs = self.outputs(data)
        return np.asarray(self.schema.classes)[np.argmax(outputs, axis=-1)] if self.schema.classes else outputs

    def outputs(self, data: Any) -> npt.NDArray[np.float32]:
        """Return the learner's own predictions, see docs/learners.md: [rows, classes], [rows], or coordinates."""
        x = self._features(data)
        starts = range(0, max(len(x), 1), _MAX_ROWS_PER_CALL)
        calls = [self._padded(x[low : low + _MAX_ROWS_PER_CALL]) for low in starts]
        return np.concatenate(calls)

    def coefficients(self) -> pa.Table:
        """Tabulate a linear model in the units of its data: feature, (class,) coefficient, standard_error.

        Raises ExportError for other models.
        """
        return coefficients(self._arrays, self.schema)

    def importances(self) -> pa.Table:
        """Tabulate the features of a model of trees, the most important first: feature, gain, splits.

        ``gain`` is a share of all gain, ``splits`` a number.

        Raises ExportError for other models.
        """
        return importances(self._arrays, self.schema)

    def recommend(self, users: npt.ArrayLike | None = None, top: int = 10, without: Any = None) -> pa.Table:
        """Tabulate the ``top`` best items of each user by a model of ratings, the best first: user, item, score, rank.

        ``users``: their numbers, None for all.
        ``without``: a table with the columns of user and item, whose pairs are left out.
        Raises ExportError for other models.
        """
        factors = factors_of(self._arrays)
        seen = NOTHING
        if without is not None:
            table = _table(without)
            if table is None:
                raise DataError(f"recommend needs without as a table, got a {type(without).__name__}.")
            seen = seen_of(pairs_of(table, self.schema, "the table without"), factors)
        return pa.concat_tables(best(factors, known(users, factors), top, seen))

    def _padded(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Call the program on a power of two of rows, so that few sizes are compiled."""
        rows = 1 << max(len(x) - 1, 0).bit_length()
        full = np.zeros((rows, self.schema.width), np.float32)
        full[: len(x)] = x
        return np.asarray(self._call(self._arrays, full))[: len(x)]

    def _features(self, data: Any) -> npt.NDArray[np.float32]:
        table = _table(data)
        if table is not None:
            if len(table):
                return features_of(table, self.schema, "the table")
            columns_of(table, [f.name for f in self.schema.features], "the table")
            return self._none
        x = _array(data)
        width = math.prod(x.shape[1:])
        if x.ndim < 2 or width != self.schema.width:
            raise DataError(
                f"predict needs an array of {self.schema.width} features per row, got shape {list(x.shape)}."
            )
        x = x.reshape(len(x), width)
        counted = distances(x, self._offsets) if self._offsets.any() else to_float32(x)
        check_finite(counted, self.schema, "the array")
        return counted

    @property
    def _none(self) -> npt.NDArray[np.float32]:
        """The features of no rows, whose columns may have no types either."""
        return np.empty((0, self.schema.width), np.float32)

    def __repr__(self) -> str:
        return f"Model({self.folder!r}, {self.about['learner']['kind']}, metrics={self.about['metrics']})"


def _array(data: Any) -> Array:
    """Make an array of numbers; what is masked becomes NaN.  DataError for what are no numbers."""
    if np.ma.isMaskedArray(data):
        data = np.ma.filled(data.astype(np.float64), np.nan)
    try:
        x = np.asarray(data)
        if x.dtype.kind in "cmMV":  # NumPy would drop a part of them, or take them for numbers
            raise DataError(f"predict needs a table or an array of numbers, got an array of {x.dtype}.")
        return x if x.dtype.kind in "fiu" else x.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as exc:
        raise DataError(f"predict needs a table or an array of numbers, got a {type(data).__name__}: {exc}") from exc


def _table(data: Any) -> pa.Table | None:
    """Make a table of anything that has named columns; None for the rest."""
    if isinstance(data, Mapping):
        columns = {name: list(c) if getattr(c, "ndim", 1) > 1 else c for name, c in data.items()}
    elif hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        columns = data
    else:
        return None
    try:
        return pa.table(columns)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as exc:
        raise DataError(f"predict can't make a table of this {type(data).__name__}: {exc}") from exc


def load_model(path: str | PathLike[str]) -> Model:
    """Load ``<export>/<version>``, or the newest version of ``<export>``; digests are checked.

    A model is code: load only what you trust.

    Raises ExportError for a folder that holds no model, or a torn one.
    """
    try:
        url = absolute(str(path), Path.cwd())
    except ValueError as exc:
        raise ExportError(f"There is no model at {path}: {exc}") from exc
    return Model(resolve(url))
