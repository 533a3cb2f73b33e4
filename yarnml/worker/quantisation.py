"""A stored model in fewer bytes: weights as int8 or bfloat16, and a program that brings them back to float32.

Each matrix of weights gets whole numbers from -127 to 127 and one factor for each channel, its last axis; or the upper
half of each float32, rounded.  Vectors, such as biases, stay as they are, and so does all that is computed with them.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import numpy.typing as npt
from jax import export

from yarnml.control.reports import Done, Report
from yarnml.control.scoring import QuantiseModel
from yarnml.errors import ExportError
from yarnml.model.export import write_model
from yarnml.model.program import load_program
from yarnml.model.versions import read_model
from yarnml.worker.source_paths import without_source_paths
from yarnml.worker.tasks import Tasks

SCALE = "quantised/"
"""The beginning of the names of factors, behind which the name of their weights follows."""
LARGEST = 127

Arrays = dict[str, npt.NDArray[Any]]


def quantise_model(command: QuantiseModel, tasks: Tasks) -> Report:
    """Write the smaller model into a folder that nobody sees yet; the worker that leads does it."""
    if tasks.leads:
        content = read_model(command.model)
        if content.about["digests"]["model.json"] != command.digest:
            raise ExportError(f"{command.model} is another model than when this job began; run it again.")
        arrays = quantised(content.arrays, command.kind)
        program = program_of(load_program(content.program), arrays, command.kind, content.schema.row_width)
        write_model(command.folder, arrays, program, command.about, None)
    return Done()


def quantised(arrays: Arrays, kind: str) -> Arrays:
    """The arrays with smaller weights; those of bfloat16 are stored as the bits of 16 of theirs."""
    smaller: Arrays = {}
    for name, array in arrays.items():
        if not is_weights(name, array):
            smaller[name] = array
        elif kind == "bfloat16":
            smaller[name] = array.astype(ml_dtypes.bfloat16).view(np.uint16)
        else:
            largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
            scale = np.where(largest > 0, largest / np.float32(LARGEST), np.float32(1)).astype(np.float32)
            smaller[name] = np.rint(array / scale).astype(np.int8)
            smaller[SCALE + name] = scale
    return smaller


def is_weights(name: str, array: npt.NDArray[Any]) -> bool:
    """Tell whether an array is one of matrices of weights."""
    return name.startswith("parameters/") and array.ndim > 1 and array.dtype == np.float32


def program_of(call: Callable[..., Any], arrays: Arrays, kind: str, width: int) -> bytes:
    """The program of these arrays, which calls that of the model that they were made of."""

    def predict(given: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        whole = {name: _restored(name, given, kind) for name in given if not name.startswith(SCALE)}
        outputs: jax.Array = call(whole, x)
        return outputs

    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items()}
    (rows,) = export.symbolic_shape("n")
    with without_source_paths():
        made = export.export(jax.jit(predict), platforms=("cpu", "cuda"))
        return bytes(made(shapes, jax.ShapeDtypeStruct((rows, width), jnp.float32)).serialize())


def _restored(name: str, given: dict[str, jax.Array], kind: str) -> jax.Array:
    """An array as float32, as the model has it."""
    array = given[name]
    if array.dtype == jnp.int8 and SCALE + name in given:
        return array.astype(jnp.float32) * given[SCALE + name]
    if array.dtype == jnp.uint16 and kind == "bfloat16":
        return jax.lax.bitcast_convert_type(array, jnp.bfloat16).astype(jnp.float32)
    return array
