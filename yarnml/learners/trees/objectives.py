"""Objectives of trees: the gradients of a loss at the scores so far, and predictions from scores.

Scores are [outputs, rows] where a shard is mapped, on the host, and [rows, outputs] where a model predicts.  The trees
of a round are grown together, ``trees`` of them, each with leaves of ``outputs`` numbers: one tree with all outputs, or
one tree for each.
"""

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.data.schema import Schema

_ROUNDING = 1e-6


class Objective(Protocol):
    """The loss that rounds of ``trees`` lower, whose leaves have ``outputs``; there are trees · outputs scores."""

    @property
    def trees(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def targets_count(self) -> int: ...

    @property
    def guess(self) -> float:
        """The mean of the targets before any row was seen."""

    @property
    def shares(self) -> Array | None:
        """For each tree the share of a leaf's rows that shall lie below it; None: what the loss's derivatives say."""

    def targets(self, y: Array, start: Array | None) -> Array:
        """The numbers whose means decide where the trees begin, [targets, rows]; first one for each score.

        ``start`` [rows]: the part of the score that is known of every row; None for none.
        """

    def base(self, mean: Array) -> Array:
        """The best constant scores [scores], given the means of the targets."""

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        """The gradients for each tree, and last the second derivative: float32 [trees, rows, outputs + 1].

        ``mean`` [targets]: of the targets.
        """

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        """The loss of every row [rows] at scores [scores, rows]; ``xp``: the module of the arrays, NumPy or JAX's."""

    def alike(self, leaf: Array, base: Array) -> Array:
        """True where all rows of a leaf are known to have one label: [nodes, 2].

        ``leaf`` [2, outputs, nodes]: at full learning rate.
        """

    def predict(self, scores: jax.Array) -> jax.Array:
        """The learner's outputs, from [rows, scores]."""

    def refused(self, y: Array) -> str | None:
        """The sentence about labels that the loss is not defined for; None where there are none."""


class SquaredError:
    """Squared error of a number label, or of the shares of ``classes``: with it the leaves of a tree are averages."""

    trees = 1
    shares = None

    def __init__(self, classes: int = 0) -> None:
        self._classes = classes
        self._two = classes == 2
        self.outputs = classes if classes > 2 else 1
        self.targets_count = self.outputs
        self.guess = 1 / classes if classes else 0.0

    def targets(self, y: Array, start: Array | None) -> Array:
        if self._classes > 2:
            return (np.arange(self.outputs)[:, None] == y).astype(np.float32)
        return (y.astype(np.float32) - (0 if start is None else start))[None]

    def base(self, mean: Array) -> Array:
        return mean

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        return by_row(*((scores - self.targets(y, None)) * weight), weight)[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        if self._classes > 2:
            own = xp.take_along_axis(scores, y[None], axis=0)[0]
            return 0.5 * (xp.sum(scores * scores, axis=0) - 2 * own + 1)
        return (1.0 if self._two else 0.5) * xp.square(scores[0] - y.astype(np.float32))

    def alike(self, leaf: Array, base: Array) -> Array:
        if not self._classes:
            return none_alike(leaf)
        share = leaf + base[:, None]
        whole = np.max(share, axis=1) > 1 - _ROUNDING
        return np.asarray(whole | (share[:, 0] < _ROUNDING) if self._two else whole).T

    def predict(self, scores: jax.Array) -> jax.Array:
        if self._classes > 2:
            return scores
        return jnp.concatenate([1 - scores, scores], axis=1) if self._two else scores[:, 0]

    def refused(self, y: Array) -> str | None:
        return None


class SquaredErrorOfLabels:
    """Squared errors of several labels, of classes those of the share of the second: leaves are averages of each."""

    trees = 1
    shares = None

    def __init__(self, labels: int, *, classes: bool) -> None:
        self._factor = 1.0 if classes else 0.5
        self.outputs = labels
        self.targets_count = labels
        self.guess = 0.5 if classes else 0.0

    def targets(self, y: Array, start: Array | None) -> Array:
        return y.reshape(-1, self.outputs).T.astype(np.float32)  # a shard without rows does not know its labels

    def base(self, mean: Array) -> Array:
        return mean

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        return by_row(*((scores - self.targets(y, None)) * weight), weight)[None]

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        return self._factor * xp.sum(xp.square(scores - self.targets(y, None)), axis=0)

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return scores

    def refused(self, y: Array) -> str | None:
        return None


def squared_error(schema: Schema) -> Objective:
    """The squared error of a schema's labels."""
    if schema.label_shape:
        return SquaredErrorOfLabels(*schema.label_shape, classes=schema.task == "multilabel")
    return SquaredError(schema.outputs)


class Logistic:
    """Two classes; the score is the logarithm of the odds of the second."""

    trees = 1
    outputs = 1
    targets_count = 1
    guess = 0.5
    shares = None

    def targets(self, y: Array, start: Array | None) -> Array:
        return y.astype(np.float32)[None]

    def base(self, mean: Array) -> Array:
        mean = np.clip(mean, 1e-6, 1 - 1e-6)
        return np.log(mean) - np.log1p(-mean)

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        p = np.float32(1) / (1 + np.exp(-np.maximum(scores, -80)))
        return by_row((p - y.astype(np.float32)) * weight, p * (1 - p) * weight)

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        wrong = xp.where(y == 1, -scores[0], scores[0])
        return xp.maximum(wrong, 0) + xp.log1p(xp.exp(-xp.abs(wrong)))

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(jnp.concatenate([-scores, scores], axis=1))

    def refused(self, y: Array) -> str | None:
        return None


class Softmax:
    """Several classes; a score and a tree for each.  (Friedman, "Greedy Function Approximation", 2001.)"""

    outputs = 1
    shares = None

    def __init__(self, classes: int) -> None:
        self.trees = classes
        self.targets_count = classes
        self.guess = 1 / classes

    def targets(self, y: Array, start: Array | None) -> Array:
        return (np.arange(self.trees)[:, None] == y).astype(np.float32)

    def base(self, mean: Array) -> Array:
        return np.log(np.maximum(mean, 1e-6))

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        p = np.exp(scores - scores.max(axis=0))
        p /= p.sum(axis=0)
        second = np.float32(self.trees / (self.trees - 1)) * p * (1 - p)
        return by_row((p - self.targets(y, None)) * weight, second * weight)

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        top = xp.max(scores, axis=0)
        own = xp.take_along_axis(scores, y[None], axis=0)[0]
        return top - own + xp.log(xp.sum(xp.exp(scores - top), axis=0))

    def alike(self, leaf: Array, base: Array) -> Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return jax.nn.softmax(scores)

    def refused(self, y: Array) -> str | None:
        return None


def none_alike(leaf: Array) -> Array:
    """Nothing known of the rows of leaves [2, outputs, nodes]: [nodes, 2]."""
    return np.zeros((leaf.shape[2], 2), bool)


def by_row(*numbers: Array) -> Array:
    """Put the numbers of a row, which are added together, side by side: each […, rows] → float32 […, rows, numbers]."""
    rows = np.empty((*numbers[0].shape, len(numbers)), np.float32)
    for place, own in enumerate(numbers):  # NumPy's stack takes ten times as long
        rows[..., place] = own
    return rows


def loss_of(objective: Objective, scores: Array, y: Array, weight: Array) -> Array:
    """The sum of the losses of rows; scores [scores, rows]."""
    return np.asarray((objective.loss(scores, y, np) * weight).sum(dtype=np.float64))
