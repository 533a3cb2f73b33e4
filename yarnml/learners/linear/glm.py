"""Generalised linear models: a family relates the label to w·x + b, a solver or an optimizer finds w and b.

Chu et al., "Map-Reduce for Machine Learning on Multicore", NIPS 2006, for the summation form; McCullagh & Nelder,
"Generalized Linear Models", 1989, for the families.
"""

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import GeneralisedLinear
from yarnml.learners.base import Batch, Key, Learner, flat, split_offset
from yarnml.learners.linear.fitting import build_fitted
from yarnml.learners.linear.inference import Dispersion
from yarnml.learners.linear.traits import Traits

PRECISION = jax.lax.Precision.HIGHEST
"""Float32 on GPUs too, where the default keeps fewer digits."""


class Family(Protocol):
    """The relation of the label to ``eta``, w·x + b: [rows], or [rows, outputs] for one predictor per class."""

    @property
    def traits(self) -> Traits: ...

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The loss of every row [rows], convex in ``eta``."""

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The loss's second derivative in ``eta``, its mean, or a bound; [rows] or [rows, outputs, outputs]."""

    def predict(self, eta: jax.Array) -> jax.Array:
        """The learner's predictions, [rows] or [rows, classes]."""


class SeveralLabels:
    """A family of one predictor for each of several labels.

    Losses are added up, so every label has the coefficients that it would have alone.
    """

    def __init__(self, family: Family, labels: int) -> None:
        self._family = family
        self.traits = family.traits._replace(outputs=(labels,), dispersion=Dispersion.NONE)

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jnp.sum(self._family.loss(eta, y), axis=1)

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        return jax.vmap(jnp.diag)(self._family.curvature(eta, y))

    def predict(self, eta: jax.Array) -> jax.Array:
        """[rows, labels]; of classes the output of the second."""
        outputs = self._family.predict(eta)
        return outputs[..., 1] if self.traits.classifies else outputs


class LinearPredictor:
    """A family's model of x [rows, *shape]: ``weight`` [width, *outputs] and ``bias`` [*outputs] begin at 0.

    ``has_offset``: the last number of a row is added to its predictor.
    """

    def __init__(self, family: Family, width: int, *, has_offset: bool = False) -> None:
        self._family = family
        self._width = width
        self._has_offset = has_offset

    def init(self, key: Key) -> Any:
        outputs = self._family.traits.outputs
        return {"weight": jnp.zeros((self._width, *outputs)), "bias": jnp.zeros(outputs)}

    def at_prior(self, parameters: Any, prior: jax.Array) -> Any:
        bias_of = None if self._has_offset else self._family.traits.at_prior
        return parameters | {"bias": bias_of(prior)} if bias_of else parameters

    def start(self, gradient: Any) -> Any:
        begin = None if self._has_offset else self._family.traits.start
        return {"weight": jnp.zeros_like(gradient["weight"]), "bias": begin(gradient["bias"])} if begin else None

    def units(self, factor: jax.Array) -> Any:
        outputs = self._family.traits.outputs
        weight = jnp.broadcast_to(factor.reshape(-1, *[1] * len(outputs)), (self._width, *outputs))
        return {"weight": weight.astype(jnp.float64), "bias": jnp.ones(outputs)}

    def _eta(self, parameters: Any, x: jax.Array) -> jax.Array:
        features, offset = split_offset(flat(x), self._width)
        eta = jnp.matmul(features, parameters["weight"], precision=PRECISION) + parameters["bias"]
        return eta + offset if self._has_offset else eta

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._family.predict(self._eta(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._family.loss(self._eta(parameters, x), y)

    def curvature(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · curvature ⊗ (1, x) ⊗ (1, x): [n, n], the biases first."""
        return self._products(self._family.curvature(self._eta(parameters, batch.x), batch.y), batch)

    def slope_products(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · slope² ⊗ (1, x) ⊗ (1, x): [n, n]; ``slope``: of a row's loss by its one predictor."""
        return self._products(jnp.square(self._slopes(parameters, batch)), batch)

    def pearson(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · slope² / curvature, Pearson's statistic where the curvature is the expected one."""
        curvature = self._family.curvature(self._eta(parameters, batch.x), batch.y)
        return jnp.sum(batch.weight * jnp.square(self._slopes(parameters, batch)) / curvature)

    def _slopes(self, parameters: Any, batch: Batch) -> jax.Array:
        eta = self._eta(parameters, batch.x)
        return jax.grad(lambda eta: jnp.sum(self._family.loss(eta, batch.y)))(eta)

    def _products(self, factor: jax.Array, batch: Batch) -> jax.Array:
        """Σ weight · factor ⊗ (1, x) ⊗ (1, x): [n, n]; ``factor``: [rows] or [rows, outputs, outputs]."""
        features, _ = split_offset(flat(batch.x), self._width)
        x = jnp.concatenate([jnp.ones((len(batch.weight), 1)), features], axis=1)
        width = x.shape[1]
        k = factor.shape[-1] if factor.ndim > 1 else 1
        blocks = factor.reshape(-1, k * k).T * batch.weight
        sums = jax.lax.map(lambda block: jnp.matmul(x.T, block[:, None] * x, precision=PRECISION), blocks)
        return sums.reshape(k, k, width, width).transpose(2, 0, 3, 1).reshape(width * k, width * k)


def build_glm(family: Family, options: GeneralisedLinear, schema: Schema) -> Learner:
    """The learner of a family for these columns.  Raises JobFileError where the fields don't go together."""
    if schema.label_shape:
        family = SeveralLabels(family, *schema.label_shape)
    model = LinearPredictor(family, schema.width, has_offset=schema.offset is not None)
    return build_fitted(model, family.traits, options, "', '".join(schema.labels))
