"""The baseline that a model is explained against, and the models that have no explanation.

The master knows them, too, which never imports JAX.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.errors import ExportError


def check_explainable(schema: Schema) -> None:
    """Refuse a model with keys, and a language model; raises ExportError."""
    if schema.task == "text":
        raise ExportError("A language model predicts pieces by all before them, and is not explained by its columns.")
    if schema.keyed:
        raise ExportError(f"Column '{schema.keyed[0].name}' becomes keys; a model of such is not explained.")


def known_baseline(arrays: Mapping[str, Any]) -> npt.NDArray[Any] | None:
    """[features]: the means of the training rows, where the arrays of a model hold them, as it scales its features."""
    mean = np.asarray(arrays["scaling/mean"])
    factor = np.asarray(arrays["scaling/factor"])
    return mean if mean.any() or (factor != 1).any() else None
