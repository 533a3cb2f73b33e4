"""Naive Bayes: P(class | x) ∝ P(class) · Π_j P(x_j | class), from counts and moments by class.

``multinomial`` and ``bernoulli`` (McCallum and Nigam, "A Comparison of Event Models for Naive Bayes Text
Classification", AAAI Workshop 1998) are one pass of exact counts.  ``gaussian`` adds up the moments around the means of
the pass before, since E[x²] - E[x]² loses all digits where a mean is large beside its deviation: the first pass, around
0, is good for the means, and the second for the variances.

All is float64, since a logarithm of a density may be as large as 1e9, where a feature is nearly constant in a class.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import DataError
from yarnml.job.learners import NaiveBayes
from yarnml.learners.base import Batch, Key, Learner, Scores, cross_entropy, flat, sums_by
from yarnml.learners.checks import needs_classes

MIN_SHARE = 1e-30
"""Stands for the share of a class without rows, whose logarithm must be finite."""


class Sums(NamedTuple):
    """Sums by class: weight [classes]; weight · x and weight · x² [classes, width].

    For ``gaussian`` x is relative to the class's mean of the pass before; else there are no squares.
    """

    weight: jax.Array
    first: jax.Array
    second: jax.Array
    loss: jax.Array


class NaiveBayesLearner:
    """Naive Bayes.  The state is the model, in float64.

    ``prior`` [classes], logarithms; with ``mean`` and ``variance`` [classes, width], or ``on`` and ``off``
    [classes, width]: logarithms of a feature's share of a class, and for ``bernoulli`` of the share of rows without.
    """

    exact = True

    def __init__(self, options: NaiveBayes, schema: Schema) -> None:
        self._options = options
        self._shape = (schema.outputs, schema.width)
        self._gaussian = options.distribution == "gaussian"
        self._smoothing = options.smoothing or (1e-9 if self._gaussian else 1.0)
        self.check = _refuse_negative if options.distribution == "multinomial" else None

    def init(self, key: Key) -> Any:
        prior = jnp.full(self._shape[0], -jnp.log(float(self._shape[0])))
        if self._gaussian:
            return {"prior": prior, "mean": jnp.zeros(self._shape), "variance": jnp.ones(self._shape)}
        return {"prior": prior, "on": jnp.full(self._shape, jnp.log(0.5)), "off": jnp.full(self._shape, jnp.log(0.5))}

    def map(self, state: Any, batch: Batch) -> Sums:
        x = self._features(batch.x)
        if self._gaussian:
            x = x - state["mean"][batch.y]
        weight = batch.weight.astype(jnp.float64)
        membership = jax.nn.one_hot(batch.y, self._shape[0], dtype=jnp.float64) * weight[:, None]
        second = sums_by(membership, x * x) if self._gaussian else jnp.zeros(())
        loss = jnp.sum(self.loss(state, batch) * weight)
        return Sums(jnp.sum(membership, axis=0), sums_by(membership, x), second, loss)

    def update(self, state: Any, sums: Sums) -> tuple[Any, Scores]:
        total = jnp.sum(sums.weight)
        prior = jnp.log(jnp.maximum(sums.weight / jnp.where(total > 0, total, 1.0), MIN_SHARE))
        model = self._normal(state, sums) if self._gaussian else self._counted(sums)
        return {"prior": prior, **model}, Scores(sums.loss, total)

    def _normal(self, state: Any, sums: Sums) -> Any:
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)[:, None]
        step = sums.first / weight
        mean = state["mean"] + step
        variance = jnp.maximum(sums.second / weight - step * step, 0.0)
        share = (sums.weight / jnp.maximum(jnp.sum(sums.weight), MIN_SHARE))[:, None]
        centre = jnp.sum(share * mean, axis=0)
        whole = jnp.sum(share * (variance + jnp.square(mean - centre)), axis=0)  # of all classes together
        variance = jnp.where(share > 0, variance, whole)  # a class without rows is no point
        return {"mean": mean, "variance": variance + self._smoothing * jnp.maximum(jnp.max(whole), MIN_SHARE)}

    def _counted(self, sums: Sums) -> Any:
        """Logarithms of each feature's share of a class, by occurrences or by rows."""
        count = sums.first + self._smoothing
        if self._options.distribution == "multinomial":
            on = jnp.log(count) - jnp.log(jnp.sum(count, axis=1, keepdims=True))
            return {"on": on, "off": jnp.zeros(self._shape)}
        rows = sums.weight[:, None]
        every = jnp.log(rows + 2 * self._smoothing)
        return {"on": jnp.log(count) - every, "off": jnp.log(rows - sums.first + self._smoothing) - every}

    def _features(self, x: jax.Array) -> jax.Array:
        x = flat(x).astype(jnp.float64)
        return (x > self._options.threshold).astype(jnp.float64) if self._options.distribution == "bernoulli" else x

    def _joint(self, model: Any, x: jax.Array) -> jax.Array:
        """The logarithm of P(class) · P(x | class), up to what is the same for all classes; [rows, classes]."""
        x = self._features(x)
        model = jax.tree.map(lambda a: a.astype(jnp.float64), model)
        if not self._gaussian:
            return model["prior"] + jnp.sum(model["off"], axis=1) + x @ (model["on"] - model["off"]).T
        centre = jnp.mean(model["mean"], axis=0)  # the squares below are of small numbers
        x = x - centre
        mean = model["mean"] - centre
        precision = 1.0 / model["variance"]
        squares = (x * x) @ precision.T - 2.0 * x @ (mean * precision).T + jnp.sum(mean * mean * precision, axis=1)
        return model["prior"] - 0.5 * (squares + jnp.sum(jnp.log(model["variance"]), axis=1))

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(self._joint(parameters, x)).astype(jnp.float32)

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return cross_entropy(self._joint(parameters, batch.x), batch.y)

    def parameters(self, state: Any) -> Any:
        return jax.tree.map(lambda a: a.astype(jnp.float32), state)


def _refuse_negative(rows: Batch) -> None:
    x = rows.x[rows.weight > 0]
    if (x < 0).any():
        raise DataError(
            f"A feature holds {x.min():g}, but learner.distribution multinomial needs counts of 0 or more; drop or "
            "repair these rows, or choose gaussian."
        )


def build(options: NaiveBayes, schema: Schema) -> Learner:
    needs_classes(schema, "naive_bayes")
    return NaiveBayesLearner(options, schema)
