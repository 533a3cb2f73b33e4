"""What each feature is worth to a model of trees, from the exported arrays."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.schema import Schema
from yarnml.errors import ExportError


def importances(arrays: Mapping[str, npt.ArrayLike], schema: Schema) -> pa.Table:
    """A row for every feature, the most important first: ``feature``, ``gain``, ``splits``.

    ``gain``: what its splits lowered the sum of all losses by, as a share of what all splits did; ``splits``: how many
    there are.  Raises ExportError for a model that has no trees.
    """
    if "parameters/gain" not in arrays or "parameters/rounds" not in arrays:
        raise ExportError("Only a model of trees has importances; this one is another.")
    rounds = int(np.asarray(arrays["parameters/rounds"]))
    feature, gain = (np.asarray(arrays[f"parameters/{name}"])[:rounds].ravel() for name in ("feature", "gain"))
    feature, gain = feature[feature >= 0], gain[feature >= 0].astype(np.float64)
    worth, splits = np.bincount(feature, gain, schema.width), np.bincount(feature, minlength=schema.width)
    order = np.argsort(-worth, kind="stable")
    share = worth[order] / max(worth.sum(), np.finfo(np.float64).tiny)
    return pa.table({"feature": np.array(schema.names)[order], "gain": share, "splits": splits[order]})
