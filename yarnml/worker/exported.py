"""A model's predictions as a program that runs without yarnml."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from yarnml.errors import ModelError, YarnmlError
from yarnml.learners.named_arrays import names_of
from yarnml.worker.source_paths import without_source_paths


def exported(predict: Callable[[Any, jax.Array], jax.Array], model: Any, width: int) -> bytes:
    """``predict({name: array}, x float32 [n, width])`` as StableHLO for any n, on CPU and NVIDIA GPUs.

    ``predict(model, x)``: the function.  ``model``: shapes and types of its arrays.
    Raises ModelError where it can't be exported so.
    """
    leaves, structure = jax.tree.flatten(model)
    names = names_of(model)

    def by_name(arrays: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        return predict(jax.tree.unflatten(structure, [arrays[n] for n in names]), x)

    by_name.__name__ = "predict"
    shapes = {n: jax.ShapeDtypeStruct(a.shape, a.dtype) for n, a in zip(names, leaves, strict=True)}
    try:
        (rows,) = export.symbolic_shape("n")
        x = jax.ShapeDtypeStruct((rows, width), jnp.float32)
        with without_source_paths():
            return bytes(export.export(jax.jit(by_name), platforms=("cpu", "cuda"))(shapes, x).serialize())
    except YarnmlError:
        raise
    except Exception as exc:
        what = f"{type(exc).__name__}: {str(exc).strip().splitlines()[0]}"
        raise ModelError(f"predict can't be exported for any number of rows: {what}") from exc
