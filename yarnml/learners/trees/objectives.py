"""What trees are grown for: the gradients of a loss at the scores so far, and what the scores mean.

Scores are [outputs, rows] where a shard is mapped, on the host, and [rows, outputs] where a model predicts.  The trees
of a round are grown together, ``trees`` of them, each with leaves of ``outputs`` numbers: one tree with all outputs, or
one tree for each.
"""

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Objective(Protocol):
    """``trees`` in a round, ``outputs`` of a leaf; there are trees · outputs scores."""

    @property
    def trees(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def guess(self) -> float:
        """The mean of the targets before any row was seen."""

    def targets(self, y: Array) -> Array:
        """[scores, rows]: what the mean of is wanted, to begin with."""

    def base(self, mean: jax.Array) -> jax.Array:
        """[scores]: the best constant, given the means of the targets."""

    def stats(self, scores: Array, y: Array, weight: Array) -> Array:
        """float32 [trees, rows, outputs + 1]: of each tree the gradients, and last the second derivative."""

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        """[rows], of scores [scores, rows] of NumPy or JAX (``xp``)."""

    def predict(self, scores: jax.Array) -> jax.Array:
        """The learner's outputs, from [rows, scores]."""


class SquaredError:
    """Of a number label, or with ``classes`` of their shares: what makes the leaves of one tree averages."""

    trees = 1

    def __init__(self, classes: int = 0) -> None:
        self._classes, self._two = classes, classes == 2
        self.outputs = classes if classes > 2 else 1
        self.guess = 1 / classes if classes else 0.0

    def targets(self, y: Array) -> Array:
        one_hot = self._classes > 2
        return (np.arange(self.outputs)[:, None] == y).astype(np.float32) if one_hot else y.astype(np.float32)[None]

    def base(self, mean: jax.Array) -> jax.Array:
        return mean

    def stats(self, scores: Array, y: Array, weight: Array) -> Array:
        return _by_row((scores - self.targets(y)) * weight, weight[None])[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        if self._classes > 2:
            own = xp.take_along_axis(scores, y[None], axis=0)[0]
            return 0.5 * (xp.sum(scores * scores, axis=0) - 2 * own + 1)
        return (1.0 if self._two else 0.5) * xp.square(scores[0] - y.astype(np.float32))

    def predict(self, scores: jax.Array) -> jax.Array:
        if self._classes > 2:
            return scores
        return jnp.concatenate([1 - scores, scores], axis=1) if self._two else scores[:, 0]


class Logistic:
    """Two classes; the score is the logarithm of the odds of the second."""

    trees = outputs = 1
    guess = 0.5

    def targets(self, y: Array) -> Array:
        return y.astype(np.float32)[None]

    def base(self, mean: jax.Array) -> jax.Array:
        mean = jnp.clip(mean, 1e-6, 1 - 1e-6)
        return jnp.log(mean) - jnp.log1p(-mean)

    def stats(self, scores: Array, y: Array, weight: Array) -> Array:
        p = np.float32(1) / (1 + np.exp(-np.maximum(scores, -80)))
        return _by_row((p - y.astype(np.float32)) * weight, p * (1 - p) * weight)[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        wrong = xp.where(y == 1, -scores[0], scores[0])
        return xp.maximum(wrong, 0) + xp.log1p(xp.exp(-xp.abs(wrong)))

    def predict(self, scores: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(jnp.concatenate([-scores, scores], axis=1))


class Softmax:
    """Several classes; a score and a tree for each.  (Friedman, "Greedy Function Approximation", 2001.)"""

    outputs = 1

    def __init__(self, classes: int) -> None:
        self.trees, self.guess = classes, 1 / classes

    def targets(self, y: Array) -> Array:
        return (np.arange(self.trees)[:, None] == y).astype(np.float32)

    def base(self, mean: jax.Array) -> jax.Array:
        return jnp.log(jnp.maximum(mean, 1e-6))

    def stats(self, scores: Array, y: Array, weight: Array) -> Array:
        p = np.exp(scores - scores.max(axis=0))
        p /= p.sum(axis=0)
        second = np.float32(self.trees / (self.trees - 1)) * p * (1 - p)
        return np.stack([(p - self.targets(y)) * weight, second * weight], axis=-1).astype(np.float32)

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        top = xp.max(scores, axis=0)
        own = xp.take_along_axis(scores, y[None], axis=0)[0]
        return top - own + xp.log(xp.sum(xp.exp(scores - top), axis=0))

    def predict(self, scores: jax.Array) -> jax.Array:
        return jax.nn.softmax(scores)


def _by_row(gradients: Array, second: Array) -> Array:
    """float32 [rows, outputs + 1] of [outputs, rows] and [1, rows]: what is added together lies side by side."""
    return np.ascontiguousarray(np.concatenate([gradients, second]).T, np.float32)
