"""A user's own model: ``init``, ``loss`` and ``predict`` from a Python file, trained by gradient descent."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError, ModelError, YarnmlError
from yarnml.learners.base import Key, Learner
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Custom

_FUNCTIONS = {
    "init": "init(key, schema) → parameters",
    "loss": "loss(parameters, x, y) → [rows]",
    "predict": "predict(parameters, x) → [rows, classes] or [rows]",
}


class UserModel:
    """Calls the user's functions; what they raise becomes a ModelError with their own traceback."""

    def __init__(self, source: Any, name: str, schema: Schema) -> None:
        self._source, self._name, self._schema = source, name, schema

    def init(self, key: Key) -> Any:
        with user_code(self._name):
            parameters = self._source.init(key, self._schema)
        leaves = jax.tree_util.tree_leaves_with_path(parameters)
        for path, leaf in leaves:
            if not isinstance(leaf, jax.Array) or leaf.dtype.kind != "f":
                found = f"{leaf.dtype} array" if hasattr(leaf, "dtype") else type(leaf).__name__
                where = jax.tree_util.keystr(path)
                raise ModelError(f"{self._name}: init must return a pytree of float arrays, but {where} is {found}.")
        if not leaves:
            raise ModelError(f"{self._name}: init returned no parameters.")
        return parameters

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        with user_code(self._name):
            loss = self._source.loss(parameters, x, y)
        if getattr(loss, "shape", None) != y.shape:
            found = f"shape {list(loss.shape)}" if hasattr(loss, "shape") else type(loss).__name__
            raise ModelError(
                f"{self._name}: loss must return one number per row, shape {list(y.shape)}, but returned {found}."
            )
        return loss

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        with user_code(self._name):
            outputs = self._source.predict(parameters, x)
        wanted = "[rows, classes]" if self._schema.label_type == "class" else "[rows]"
        ends = (self._schema.outputs,) if self._schema.label_type == "class" else ()
        if not hasattr(outputs, "shape") or outputs.shape[1:] != ends or len(outputs.shape) != 1 + len(ends):
            found = f"shape {list(outputs.shape)}" if hasattr(outputs, "shape") else type(outputs).__name__
            raise ModelError(
                f"{self._name}: predict must return {wanted}, with {self._schema.outputs or 'no'} classes, not {found}."
            )
        return outputs


def build(options: Custom, schema: Schema) -> Learner:
    path, _, name = options.path.partition(".py:")
    path = path if path.endswith(".py") else path + ".py"
    source: Any = _load(path, options.path)
    label = os.path.basename(options.path)
    if name:
        if not hasattr(source, name):
            public = [n for n in vars(source) if not n.startswith("_")]
            raise JobFileError(f"learner.path: {path} has no '{name}'; it has {', '.join(public)}.")
        source = getattr(source, name)
    if inspect.isclass(source):
        with user_code(label):
            source = source(**options.options)
    elif options.options:
        raise JobFileError(f"learner.options needs a class, but {label} is a {type(source).__name__}.")
    for function, signature in _FUNCTIONS.items():
        if not callable(getattr(source, function, None)):
            raise JobFileError(f"learner.path: {label} has no function {function}; a model needs {signature}.")
    model = UserModel(source, label, schema)
    return GradientDescent(model, build_optimizer(options.optimizer, options.clip_norm), weight_decay(options.l2))


def _load(path: str, label: str) -> Any:
    if not os.path.isfile(path):
        raise JobFileError(f"learner.path: there is no file {path}.")
    name = os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.append(folder)
    with user_code(os.path.basename(label)):
        spec.loader.exec_module(module)
    return module


@contextmanager
def user_code(name: str) -> Iterator[None]:
    """Translate what a user's code raises: one sentence, and the traceback from their first line on."""
    try:
        yield
    except YarnmlError:
        raise
    except Exception as exc:
        shown = traceback.TracebackException.from_exception(exc)
        while len(shown.stack) > 1 and shown.stack[0].filename.startswith(os.path.dirname(os.path.dirname(__file__))):
            shown.stack.pop(0)
        shown.__cause__ = shown.__context__ = None
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else "no message"
        raise ModelError(f"{name} raised {type(exc).__name__}: {reason}", "".join(shown.format())) from exc
