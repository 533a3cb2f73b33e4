"""A trained model, loaded: predicts from tables or arrays without the code that trained it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from jax import export

from yarnml.data.schema import Schema, features_of
from yarnml.errors import DataError
from yarnml.export import read_model, resolve
from yarnml.storage import absolute

_ROWS = 65536  # most rows of one call of the program


class Model:
    """One version of an exported model.  ``about`` is its model.json: learner, metrics, data, packages, job."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        arrays, program, self.about = read_model(folder)
        self.schema = msgspec.convert(self.about["schema"], Schema)
        self._arrays = {name: jax.numpy.asarray(a) for name, a in arrays.items()}
        self._call = jax.jit(export.deserialize(bytearray(program)).call)

    def predict(self, data: Any) -> npt.NDArray[Any]:
        """One prediction per row, [rows]: the class, in the label's own type, or the number.

        ``data`` is a pyarrow Table or RecordBatch with the feature columns, a mapping of columns, or an array [rows,
        width] (or [rows, *shape]) of the features in the job file's order.
        """
        outputs = self.outputs(data)
        if self.schema.label_type == "number":
            return outputs
        return np.asarray(self.schema.classes)[np.argmax(outputs, axis=-1)]

    def outputs(self, data: Any) -> npt.NDArray[np.float32]:
        """What the learner's ``predict`` returns: [rows, classes] (probabilities for our own learners) or [rows]."""
        x = self._features(data)
        calls = [self._padded(x[low : low + _ROWS]) for low in range(0, max(len(x), 1), _ROWS)]
        return np.concatenate(calls)

    def _padded(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Call the program on a power of two of rows, so that few sizes are compiled."""
        rows = 1 << max(len(x) - 1, 0).bit_length()
        full = np.zeros((rows, self.schema.width), np.float32)
        full[: len(x)] = x
        return np.asarray(self._call(self._arrays, full))[: len(x)]

    def _features(self, data: Any) -> npt.NDArray[np.float32]:
        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        elif isinstance(data, Mapping):
            data = pa.table(dict(data))
        if isinstance(data, pa.Table):
            return features_of(data, self.schema, "the table")
        x = np.asarray(data, np.float32)
        flat = x.reshape(len(x), -1) if x.ndim > 1 else x
        if flat.ndim != 2 or flat.shape[1] != self.schema.width:
            raise DataError(
                f"predict needs an array of {self.schema.width} features per row, got shape {list(x.shape)}."
            )
        return flat

    def __repr__(self) -> str:
        return f"Model({self.folder!r}, {self.about['learner']['kind']}, metrics={self.about['metrics']})"


def load_model(path: str) -> Model:
    """Load ``<export>/<version>``, or the newest version of ``<export>``; digests are checked.

    Raises ExportError for a folder that holds no model, or a torn one.
    """
    return Model(resolve(absolute(path, Path.cwd())))
