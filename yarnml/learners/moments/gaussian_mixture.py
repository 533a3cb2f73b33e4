"""A mixture of normal distributions, by expectation-maximisation.

Dempster, Laird and Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", Journal of the Royal
Statistical Society B, 1977.  Sums by component, every row counting for as much as it is the component's: weight, and
the moments around the component's mean of the pass before, which keeps their digits wherever the data lie.

A covariance C is held as W with W Wᵀ = C⁻¹: |(x - mean) W| is the distance, Σ log diag W half the log determinant.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import GaussianMixture
from yarnml.learners.base import Learner, sums_by
from yarnml.learners.moments.clustering import Clustering

MIN_SHARE = 1e-30
"""Stands for the share of a component without rows, whose logarithm must be finite."""


class Sums(NamedTuple):
    """Sums by component: weight [k], first [k, width], second [k, width, width] or [k, width]."""

    weight: jax.Array
    first: jax.Array
    second: jax.Array


class Mixture:
    """Refinement of a mixture of k components by expectation-maximisation.

    The model: ``share`` [k], logarithms; ``centres`` [k, width]; ``whitening`` W [k, width, width] or [k, width].
    The loss of a row is -log of its density.
    """

    tolerance = 1e-6

    def __init__(self, options: GaussianMixture) -> None:
        self._clusters = options.clusters
        self._floor = options.floor
        self._full = options.covariance == "full"

    def begin(self, centres: jax.Array, spread: jax.Array) -> Any:
        """Equal shares, and for all the same round covariance."""
        clusters, width = centres.shape
        deviation = jnp.sqrt(spread / width + self._floor)
        one = jnp.eye(width) if self._full else jnp.ones(width)
        whitening = jnp.broadcast_to(one / deviation, (clusters, *one.shape))
        return {"share": jnp.full(clusters, -math.log(clusters)), "centres": centres, "whitening": whitening}

    def map(self, model: Any, x: jax.Array, weight: jax.Array) -> tuple[Sums, jax.Array]:
        joint = self._joint(model, x)
        loss = -jax.nn.logsumexp(joint, axis=1)
        membership = jnp.exp(joint + loss[:, None]) * weight[:, None]

        def moments(one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            centre, share = one
            y = x - centre
            weighted = y * share[:, None]
            return jnp.sum(weighted, axis=0), sums_by(weighted, y) if self._full else jnp.sum(weighted * y, axis=0)

        first, second = jax.lax.map(moments, (model["centres"], membership.T))
        return Sums(jnp.sum(membership, axis=0), first, second), loss

    def update(self, model: Any, sums: Sums) -> Any:
        weight = jnp.maximum(sums.weight, MIN_SHARE)
        step = sums.first / weight[:, None]
        share = jnp.log(jnp.maximum(sums.weight / jnp.maximum(jnp.sum(sums.weight), MIN_SHARE), MIN_SHARE))
        if self._full:
            outer = step[:, :, None] * step[:, None, :]
            covariance = sums.second / weight[:, None, None] - outer + self._floor * jnp.eye(step.shape[1])
        else:
            covariance = jnp.maximum(sums.second / weight[:, None] - step * step, 0.0) + self._floor
        return {"share": share, "centres": model["centres"] + step, "whitening": self._whitening(covariance)}

    def _whitening(self, covariance: jax.Array) -> jax.Array:
        if not self._full:
            return 1.0 / jnp.sqrt(covariance)
        lower = jnp.linalg.cholesky(covariance)
        one = jnp.broadcast_to(jnp.eye(covariance.shape[-1]), covariance.shape)
        return jnp.swapaxes(jax.lax.linalg.triangular_solve(lower, one, left_side=True, lower=True), 1, 2)

    def _joint(self, model: Any, x: jax.Array) -> jax.Array:
        """The logarithm of share · density of every component, [rows, k]."""

        def density(one: tuple[jax.Array, jax.Array]) -> jax.Array:
            centre, whitening = one
            y = x - centre
            z = jnp.matmul(y, whitening, precision=jax.lax.Precision.HIGHEST) if self._full else y * whitening
            scales = jnp.diag(whitening) if self._full else whitening
            return jnp.sum(jnp.log(scales)) - 0.5 * (jnp.sum(z * z, axis=1) + x.shape[1] * math.log(2 * math.pi))

        return model["share"] + jax.lax.map(density, (model["centres"], model["whitening"])).T

    def predict(self, model: Any, x: jax.Array) -> jax.Array:
        return jax.nn.softmax(self._joint(model, x))


def build(options: GaussianMixture, schema: Schema) -> Learner:
    return Clustering(Mixture(options), options.clusters, schema.width)
