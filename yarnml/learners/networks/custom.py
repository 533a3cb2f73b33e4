"""A user's own model: ``init``, ``loss`` and ``predict`` from a Python file, trained by gradient descent."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.errors import ModelError
from yarnml.job.learners import Custom
from yarnml.learners.base import Key, Learner
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.groups import optimizer_of
from yarnml.learners.user_code import load, user_errors

_FUNCTIONS = {
    "init": "init(key, schema) → parameters",
    "loss": "loss(parameters, x, y) → [rows]",
    "predict": "predict(parameters, x) → [rows, classes], [rows] or [rows, labels]",
}


class UserModel:
    """Calls the user's functions; what they raise becomes a ModelError with their own traceback."""

    def __init__(self, source: Any, name: str, schema: Schema) -> None:
        self._source = source
        self._name = name
        self._schema = schema

    def init(self, key: Key) -> Any:
        return initial_parameters(self._source, self._name, key, self._schema)

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        with user_errors(self._name):
            loss = self._source.loss(parameters, x, y)
        if not isinstance(loss, jax.Array) or loss.shape != y.shape[:1] or not jnp.issubdtype(loss.dtype, jnp.floating):
            raise ModelError(
                f"{self._name}: loss must return one float per row, shape {list(y.shape[:1])}, "
                f"but returned {_describe(loss)}."
            )
        return loss.astype(jnp.float32)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        with user_errors(self._name):
            outputs = self._source.predict(parameters, x)
        classes = self._schema.outputs
        labels = self._schema.label_shape
        rows = x.shape[0]
        shape, meaning = {
            "class": ((rows, classes), f"[rows, {classes} classes]"),
            "number": ((rows,), "one number per row"),
            **dict.fromkeys(
                ["multilabel", "multioutput"], ((rows, *labels), f"[rows, {len(self._schema.labels)} labels]")
            ),
            "none": ((rows, *getattr(outputs, "shape", ())[1:]), "something for every row"),
        }[self._schema.task]
        if not isinstance(outputs, jax.Array) or outputs.shape != shape:
            raise ModelError(
                f"{self._name}: predict must return {meaning}, shape {list(shape)}, but returned {_describe(outputs)}."
            )
        return outputs.astype(jnp.float32)


def initial_parameters(source: Any, name: str, key: Key, schema: Schema) -> Any:
    """The parameters that ``init`` of the user's model returns, in float32; ModelError where they are none."""
    with user_errors(name):
        parameters = source.init(key, schema)
    leaves, structure = jax.tree_util.tree_flatten_with_path(parameters)
    if not leaves:
        raise ModelError(f"{name}: init returned no parameters.")
    arrays = []
    for path, leaf in leaves:
        if not isinstance(leaf, jax.Array | np.ndarray) or not jnp.issubdtype(leaf.dtype, jnp.floating):
            where = jax.tree_util.keystr(path) or "it"
            raise ModelError(f"{name}: init must return a pytree of float arrays, but {where} is {_describe(leaf)}.")
        arrays.append(jnp.asarray(leaf, jnp.float32))
    return jax.tree.unflatten(structure, arrays)


def _describe(value: Any) -> str:
    """The words for a value that is no array of the right kind."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} of shape {list(value.shape)}"
    return f"a {type(value).__name__}"


def build(options: Custom, schema: Schema) -> Learner:
    label = os.path.basename(options.path)
    source = load(options.path, _FUNCTIONS, "a model", options.options)
    model = UserModel(source, label, schema)
    return GradientDescent(model, optimizer_of(options, model.init), weight_decay(options.l2))
