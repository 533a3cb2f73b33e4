"""The mean of the features in an exported model with offsets, in both of its forms.

Training counts features from their offsets (`yarnml.data.offsets`), and so does `Model.predict`: ``mean`` in model.json
is the mean of what is left then, as it was trained.  ``scaling/mean`` in model.safetensors is that of the features
themselves, so that the program takes them as they are, with the digits that float32 has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MEAN = "scaling/mean"

Arrays = dict[str, npt.NDArray[Any]]


def with_whole_mean(arrays: Arrays, about: Mapping[str, Any]) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the description of a trained model, as they are stored."""
    if not about.get("offsets"):
        return arrays, dict(about)
    mean = arrays[MEAN]
    whole = (np.array(about["offsets"]) + mean).astype(np.float32)
    return arrays | {MEAN: whole}, {**about, "mean": mean.tolist()}


def with_trained_mean(arrays: Arrays, mean: Sequence[float]) -> Arrays:
    """The stored arrays as they were trained; ``mean``: in model.json, empty for a model without offsets."""
    return arrays | {MEAN: np.array(mean, np.float32)} if mean else arrays
