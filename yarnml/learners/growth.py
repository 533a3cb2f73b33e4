"""The arrays of an earlier training with room for numbers, words and classes that it did not have."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Places
from yarnml.data.inheritance import Sources
from yarnml.job.learners.axes import ParameterAxes

Arrays = Mapping[str, npt.NDArray[Any]]


def grown(arrays: Arrays, axes: ParameterAxes, sources: Sources) -> dict[str, npt.NDArray[Any]]:
    """Lay the arrays out as a training has them: parameters, and what an optimizer has of the form of each.

    The weights of a new number are 0, so that predictions stay; those of a new class the means over all earlier ones,
    so that its score is the mean of theirs.
    """
    result = dict(arrays)
    for by, places, is_class in (
        (axes.numbers, sources.numbers, False),
        (axes.words, sources.words, False),
        (axes.classes, sources.classes, True),
    ):
        if np.array_equal(places, np.arange(len(places))):
            continue
        for end, axis in by.items():
            for name in _of_parameter(result, end):
                result[name] = _along(result[name], axis, places, is_class=is_class)
    return result


def _of_parameter(arrays: Arrays, end: str) -> list[str]:
    """The names of a parameter, by their end, and of the optimizer's arrays of its form."""
    names = [name for name in arrays if f"/{name}".endswith(f"/{end}")]
    form = next((arrays[name].shape for name in names if name.startswith("parameters/")), None)
    return [name for name in names if arrays[name].shape == form]


def _along(array: npt.NDArray[Any], axis: int, places: Places, *, is_class: bool) -> npt.NDArray[Any]:
    """An array whose axis has these places of the old one, and something new where there is -1."""
    is_new = np.expand_dims(places < 0, [n for n in range(array.ndim) if n != axis])
    new = array.mean(axis=axis, keepdims=True, dtype=np.float64).astype(array.dtype) if is_class else 0
    return np.where(is_new, new, np.take(array, np.maximum(places, 0), axis=axis)).astype(array.dtype)
