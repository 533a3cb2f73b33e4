"""Pytrees of arrays ↔ arrays by name, as safetensors files hold them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.errors import ModelError
from yarnml.learners.precision import float64
from yarnml.storage.tensors import not_finite


def tensors(tree: Any) -> dict[str, npt.NDArray[Any]]:
    """A pytree as named NumPy arrays of types that every safetensors reader knows, in tree order."""
    return {name: np.asarray(_plain(leaf)) for name, leaf in zip(names_of(tree), jax.tree.leaves(tree), strict=True)}


def from_tensors(like: Any, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    """A pytree of the form of ``like`` with these arrays; KeyError or ValueError where they don't fit."""
    leaves, structure = jax.tree.flatten(like)
    restored = []
    for name, leaf in zip(names_of(like), leaves, strict=True):
        array = arrays[name]
        expected = _plain(leaf)
        if array.shape != expected.shape or array.dtype != expected.dtype:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, not {expected.dtype} {expected.shape}")
        with float64():  # of a state that has some
            restored.append(_from_plain(leaf, jnp.array(array)))
    return jax.tree.unflatten(structure, restored)


def finite(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """These arrays; ModelError names one that is not finite."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise not_finite(name)
    return arrays


def names_of(tree: Any) -> list[str]:
    """A name for each array of a pytree, in tree order: the path to it.  Raises ModelError where two are equal."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]
    if len(set(names)) < len(names):
        duplicate = next(n for n in names if names.count(n) > 1)
        raise ModelError(f"Two arrays of the model are both named '{duplicate}'; keys must not hold a '/'.")
    return names


def on_host(tree: Any) -> Any:
    """Copy a pytree to NumPy arrays, as far as they are not in host memory."""
    return jax.tree.map(lambda leaf: np.asarray(_plain(leaf)), tree)


def copied_to_host(tree: Any) -> Any:
    """Copy a pytree to NumPy arrays that may be written into."""
    return jax.tree.map(np.array, tree)


def _plain(leaf: Any) -> Any:
    """Turn random keys into their numbers, and bfloat16 and the like into float32: both are exact."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(leaf)
    return leaf.astype(jnp.float32) if leaf.dtype.kind == "V" else leaf


def _from_plain(like: Any, plain: jax.Array) -> jax.Array:
    """Undo `_plain` for an array of the type of ``like``."""
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(plain, impl=jax.random.key_impl(like))
    return plain.astype(like.dtype)
