"""A user's own objective of boosting: the loss of a row at a score, in JAX, whose derivatives are taken here."""

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import JobFileError, ModelError
from yarnml.job.learners import Boosting
from yarnml.learners.trees.objectives import by_row, none_alike
from yarnml.learners.user_code import load, user_errors


class OwnObjective:
    """Trees for ``source.loss(score, y)``, one row's loss of a number label or of two classes.

    ``source.predict(score)``, if it is there, makes the prediction of a score, or the probability of the second class;
    ``source.start(mean)`` the score that the trees begin at, of the label's mean or of the share of that class.
    ``is_class``: whether the label is one of two classes, 0 and 1.
    """

    trees = 1
    outputs = 1
    targets_count = 1
    shares = None

    def __init__(self, source: Any, name: str, *, is_class: bool) -> None:
        self._source = source
        self._name = name
        self._is_class = is_class
        self.guess = 0.5 if is_class else 1.0
        self._check()
        first = jax.grad(self._loss)
        self._losses = jax.jit(jax.vmap(self._loss))
        self._slopes = jax.jit(jax.vmap(lambda score, y: (first(score, y), jax.grad(first)(score, y))))

    def targets(self, y: Array, start: Array | None) -> Array:
        if start is None or self._is_class or hasattr(self._source, "start"):
            return y.astype(np.float32)[None]
        return (y - start).astype(np.float32)[None]

    def base(self, mean: Any) -> Any:
        function = getattr(self._source, "start", _log_odds if self._is_class else _itself)
        start = self._number(function, "start", mean[0])[None]
        return jnp.where(jnp.isfinite(start), start, 0.0)

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        first, second = (np.asarray(a) for a in self._slopes(scores[0], y.astype(np.float32)))
        if not (np.isfinite(first).all() and np.isfinite(second).all()):
            row = int(np.argmin(np.isfinite(first) & np.isfinite(second)))
            raise ModelError(
                f"{self._name}: the derivatives of loss are {first[row]} and {second[row]} at score {scores[0][row]} "
                f"and label {y[row]}; they must be finite at every score."
            )
        return by_row(first * weight, np.maximum(second, 0) * weight)[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        return xp.asarray(self._losses(scores[0], y.astype(np.float32)))

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        function = getattr(self._source, "predict", jax.nn.sigmoid if self._is_class else _itself)
        prediction = jax.vmap(lambda score: self._number(function, "predict", score))(scores[:, 0])
        return jnp.stack([1 - prediction, prediction], axis=1) if self._is_class else prediction

    def refused(self, y: Array) -> str | None:
        return None

    def _loss(self, score: jax.Array, y: jax.Array) -> jax.Array:
        return self._number(self._source.loss, "loss", score, y)

    def _number(self, function: Callable[..., Any], what: str, *arguments: jax.Array) -> jax.Array:
        """One float that the user's function returns; ModelError where it does not."""
        with user_errors(self._name):
            value = jnp.asarray(function(*arguments))
        if value.shape or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ModelError(
                f"{self._name}: {what} gets numbers of one row and must return one float, but returned {value.dtype} "
                f"of shape {list(value.shape)}."
            )
        return value.astype(jnp.float32)

    def _check(self) -> None:
        """Call every function once, so that a mistake is told before any pass."""
        number = jax.ShapeDtypeStruct((), jnp.float32)
        jax.eval_shape(self._loss, number, number)
        jax.eval_shape(self.base, jax.ShapeDtypeStruct((1,), jnp.float32))
        jax.eval_shape(self.predict, jax.ShapeDtypeStruct((2, 1), jnp.float32))


def build_own(options: Boosting, classes: int) -> OwnObjective:
    """The objective in the file of the options; JobFileError where there is none for such a label."""
    assert options.path is not None
    label = os.path.basename(options.path)
    if classes > 2:
        raise JobFileError(f"learner.objective custom is for a number or two classes; the label has {classes}.")
    source = load(options.path, {"loss": "loss(score, y) → a number"}, "an objective", {})
    return OwnObjective(source, label, is_class=classes == 2)


def _itself(score: jax.Array) -> jax.Array:
    return score


def _log_odds(share: jax.Array) -> jax.Array:
    share = jnp.clip(share, 1e-6, 1 - 1e-6)
    return jnp.log(share) - jnp.log1p(-share)
