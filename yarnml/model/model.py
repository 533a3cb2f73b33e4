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
from jax import export

from yarnml.data.rows import features_of
from yarnml.errors import DataError, ExportError
from yarnml.model.coefficients import coefficients
from yarnml.model.export import read_model, resolve
from yarnml.model.importances import importances
from yarnml.model.top_items import NOTHING, best, factors_of, known, seen_of
from yarnml.storage import absolute

_ROWS = 65536  # most rows of one call of the program


class Model:
    """One version of an exported model.  ``about`` is its model.json: learner, metrics, data, packages, job."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        arrays, program, self.schema, self.about = read_model(folder)
        self._arrays = {name: jax.numpy.asarray(a) for name, a in arrays.items()}
        self._call = jax.jit(export.deserialize(bytearray(program)).call)

    def predict(self, data: Any) -> npt.NDArray[Any]:
        """One prediction per row, [rows]: the class, in the label's own type, the number, or the cluster's number.

        Where there is nothing to choose from, such as the coordinates of ``pca``, the outputs themselves.

        ``data`` is a table with the feature columns (of pyarrow, or of any library that speaks Arrow's C interface), a
        mapping of columns, or an array [rows, width] (or [rows, *shape]) of the features in the job file's order.
        """
        outputs = self.outputs(data)
        return np.asarray(self.schema.classes)[np.argmax(outputs, axis=-1)] if self.schema.classes else outputs

    def outputs(self, data: Any) -> npt.NDArray[np.float32]:
        """What the learner's ``predict`` returns, see docs/learners.md: [rows, classes], [rows], or coordinates."""
        x = self._features(data)
        calls = [self._padded(x[low : low + _ROWS]) for low in range(0, max(len(x), 1), _ROWS)]
        return np.concatenate(calls)

    def coefficients(self) -> pa.Table:
        """Of a linear model, in the units of the data: feature, (class,) coefficient, standard_error.

        Raises ExportError for other models.
        """
        return coefficients(self._arrays, self.schema)

    def importances(self) -> pa.Table:
        """Of a model of trees, the most important feature first: feature, share of all gain, number of splits.

        Raises ExportError for other models.
        """
        return importances(self._arrays, self.schema)

    def recommend(self, users: npt.ArrayLike | None = None, top: int = 10, without: Any = None) -> pa.Table:
        """Of a model of ratings: (user, item, score, rank) of the ``top`` best items of each user, the best first.

        ``users``: their numbers, None for all.  ``without``: a table with the columns of user and item; its pairs are
        left out.  Raises ExportError for other models.
        """
        factors, seen = factors_of(self._arrays), NOTHING
        if without is not None:
            table = _table(without)
            if table is None:
                raise DataError(f"recommend needs without as a table, got a {type(without).__name__}.")
            seen = seen_of(features_of(table, self.schema, "the table without"), factors)
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
            return features_of(table, self.schema, "the table") if len(table) else self._none
        try:
            x = np.asarray(data, np.float32)
        except (TypeError, ValueError) as exc:
            raise DataError(
                f"predict needs a table or an array of numbers, got a {type(data).__name__}: {exc}"
            ) from exc
        width = math.prod(x.shape[1:])
        if x.ndim < 2 or width != self.schema.width:
            raise DataError(
                f"predict needs an array of {self.schema.width} features per row, got shape {list(x.shape)}."
            )
        return x.reshape(len(x), width)

    @property
    def _none(self) -> npt.NDArray[np.float32]:
        """No rows: their columns may have no types either."""
        return np.empty((0, self.schema.width), np.float32)

    def __repr__(self) -> str:
        return f"Model({self.folder!r}, {self.about['learner']['kind']}, metrics={self.about['metrics']})"


def _table(data: Any) -> pa.Table | None:
    """Anything that has named columns, as a table; None for the rest."""
    if isinstance(data, Mapping):
        columns = {name: list(c) if getattr(c, "ndim", 1) > 1 else c for name, c in data.items()}
    elif hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        columns = data
    else:
        return None
    try:
        return pa.table(columns)
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise DataError(f"predict can't make a table of this {type(data).__name__}: {exc}") from exc


def load_model(path: str | PathLike[str]) -> Model:
    """Load ``<export>/<version>``, or the newest version of ``<export>``; digests are checked.

    Raises ExportError for a folder that holds no model, or a torn one.
    """
    try:
        url = absolute(str(path), Path.cwd())
    except ValueError as exc:
        raise ExportError(f"There is no model at {path}: {exc}") from exc
    return Model(resolve(url))
