"""A model's predictions as a program that runs without yarnml."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import export

from yarnml.errors import ModelError, YarnmlError
from yarnml.learners.named_arrays import names_of
from yarnml.worker.source_paths import without_source_paths


def exported(predict: Callable[..., jax.Array], model: Any, inputs: Sequence[Any]) -> bytes:
    """``predict({name: array}, *inputs)`` as StableHLO, on CPU and NVIDIA GPUs.

    ``predict(model, *inputs)``: the function.  ``model``: shapes and types of its arrays.  ``inputs``: those of the
    others, in which a number of rows or keys is a symbol.
    Raises ModelError where it can't be exported so.
    """
    leaves, structure = jax.tree.flatten(model)
    names = names_of(model)

    def by_name(arrays: dict[str, jax.Array], *inputs: Any) -> jax.Array:
        return predict(jax.tree.unflatten(structure, [arrays[n] for n in names]), *inputs)

    by_name.__name__ = "predict"
    shapes = {n: jax.ShapeDtypeStruct(a.shape, a.dtype) for n, a in zip(names, leaves, strict=True)}
    try:
        with without_source_paths():
            return bytes(export.export(jax.jit(by_name), platforms=("cpu", "cuda"))(shapes, *inputs).serialize())
    except YarnmlError:
        raise
    except Exception as exc:
        what = f"{type(exc).__name__}: {str(exc).strip().splitlines()[0]}"
        raise ModelError(f"predict can't be exported for any number of rows: {what}") from exc
