"""A learner's state outside its device: arrays by name, as one file's bytes, and the name of their bits."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

Arrays = Mapping[str, npt.NDArray[Any]]


def pack(arrays: Arrays) -> bytes:
    """The arrays as a safetensors file."""
    return safetensors.numpy.save({name: np.asarray(a, order="C") for name, a in arrays.items()})


def unpack(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """The inverse; raises safetensors.SafetensorError."""
    return safetensors.numpy.load(data)


def digest(arrays: Arrays) -> str:
    """Equal for equal bits, names and order: a SHA-256."""
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(name.encode())
        total.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return total.hexdigest()
