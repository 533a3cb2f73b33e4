"""A learner's state outside its device: arrays by name as the bytes of one safetensors file, and their digest."""

import hashlib
import math
from collections.abc import Mapping, Sequence
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


Form = tuple[str, Sequence[int]]
"""NumPy's name of an array's type, and its shape."""


class Packed:
    """A safetensors file in memory, byte for byte as the library writes it, whose arrays are yet to be filled in.

    So arrays that come in pieces, from elsewhere, are never held twice.

    ``data``: the file.  ``arrays``: by name, views of it.
    """

    def __init__(self, forms: Mapping[str, Form]) -> None:
        ordered = sorted(forms.items(), key=lambda item: (_FILE_ORDER.index(item[1][0]), item[0]))
        ends = [0, *accumulate(np.dtype(kind).itemsize * math.prod(shape) for _, (kind, shape) in ordered)]
        places = list(pairwise(ends))
        head = msgspec.json.encode(
            {
                name: {"dtype": _TYPES[kind], "shape": shape, "data_offsets": place}
                for (name, (kind, shape)), place in zip(ordered, places, strict=True)
            }
        )
        head += b" " * (-len(head) % 8)
        self.data = bytearray(8 + len(head) + ends[-1])
        self.data[: 8 + len(head)] = len(head).to_bytes(8, "little") + head
        content = np.frombuffer(self.data, np.uint8)[8 + len(head) :]
        self.arrays: dict[str, npt.NDArray[Any]] = {
            name: content[low:high].view(kind).reshape(shape)
            for (name, (kind, shape)), (low, high) in zip(ordered, places, strict=True)
        }


def packed(arrays: Arrays) -> Packed:
    """Arrays as a safetensors file, copied only once.

    The library would make a copy of each array and then one of all of them.
    """
    made = Packed({name: (array.dtype.name, array.shape) for name, array in arrays.items()})
    for name, array in arrays.items():
        made.arrays[name][...] = array
    return made


def pack(arrays: Arrays) -> bytearray:
    """The bytes of a safetensors file with these arrays."""
    return packed(arrays).data


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
        f"{name} holds NaN or infinity after the last step: numbers grew too large, or no model is best, as where "
        "all counts are 0; lower the learning rate where there is one, or set data.scale: standard."
    )
