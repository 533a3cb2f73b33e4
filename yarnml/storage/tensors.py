"""A learner's state outside its device: arrays by name as the bytes of one safetensors file, and their digest."""

import hashlib
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import safetensors.numpy

from yarnml.errors import ModelError

Arrays = Mapping[str, npt.NDArray[Any]]

_TYPES = {"uint64": "U64", "int64": "I64", "float64": "F64", "complex64": "C64", "float32": "F32", "uint32": "U32"}
_TYPES |= {
    "int32": "I32",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}
_FILE_ORDER = list(_TYPES)
"""Large types come first in a safetensors file, so that every array is aligned."""


def pack(arrays: Arrays) -> bytearray:
    """Pack arrays as a safetensors file, byte for byte as the library writes it, but copied only once.

    The library would make a copy of each array and then one of all of them.
    """
    ordered = sorted(arrays.items(), key=lambda item: (_FILE_ORDER.index(item[1].dtype.name), item[0]))
    ends = [0, *accumulate(array.nbytes for _, array in ordered)]
    head = msgspec.json.encode(
        {
            name: {"dtype": _TYPES[array.dtype.name], "shape": array.shape, "data_offsets": place}
            for (name, array), place in zip(ordered, pairwise(ends), strict=True)
        }
    )
    head += b" " * (-len(head) % 8)
    packed = bytearray(8 + len(head) + ends[-1])
    packed[: 8 + len(head)] = len(head).to_bytes(8, "little") + head
    data = np.frombuffer(packed, np.uint8)[8 + len(head) :]
    for (_, array), (low, high) in zip(ordered, pairwise(ends), strict=True):
        data[low:high] = np.asarray(array, order="C").reshape(-1).view(np.uint8)
    return packed


def unpack(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a safetensors file; ValueError for anything else, whatever the library makes of it."""
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, LookupError, TypeError, ValueError, ArithmeticError, MemoryError) as exc:
        raise ValueError(f"no tensors can be read in it: {exc}") from exc


def digest(arrays: Arrays) -> str:
    """Return a SHA-256 that is the same for the same bits, names and order."""
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(name.encode())
        total.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def not_finite(name: str) -> ModelError:
    """The error for an array of a state that holds something else than finite numbers."""
    return ModelError(
        f"{name} holds NaN or infinity after the last step: numbers grew too large; lower the learning rate where "
        "there is one, or set data.scale: standard."
    )
