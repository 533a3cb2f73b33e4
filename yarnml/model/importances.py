"""The importance of each feature to a model of trees, from the exported arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.schema import Schema
from yarnml.errors import ExportError


def importances(arrays: Mapping[str, npt.ArrayLike], schema: Schema) -> pa.Table:
    """Return a row for every feature, the most important first, with the columns of `ranked`."""
    return pa.table(ranked(arrays, schema))


def ranked(arrays: Mapping[str, npt.ArrayLike], schema: Schema) -> dict[str, list[Any]]:
    """The features, the most important first, as columns ``feature``, ``gain``, ``splits``.

    ``gain``: by how much the feature's splits lowered the sum of all losses, as a share of what all splits did.
    ``splits``: the number of its splits.
    Raises ExportError for a model that has no trees.
    """
    if "parameters/gain" not in arrays or "parameters/rounds" not in arrays:
        raise ExportError("Only a model of trees has importances; this one is another.")
    rounds = int(np.asarray(arrays["parameters/rounds"]))
    feature, gain = (np.asarray(arrays[f"parameters/{name}"])[:rounds].ravel() for name in ("feature", "gain"))
    is_split = feature >= 0  # a node that is not split has the feature -1
    feature = feature[is_split]
    gain = gain[is_split].astype(np.float64)
    total = np.bincount(feature, gain, schema.width)
    splits = np.bincount(feature, minlength=schema.width)
    order = np.argsort(-total, kind="stable")
    share = total[order] / max(total.sum(), np.finfo(np.float64).tiny)
    names = [schema.names[i] for i in order]
    return {"feature": names, "gain": share.tolist(), "splits": splits[order].tolist()}
