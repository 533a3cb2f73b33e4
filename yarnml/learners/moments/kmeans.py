"""k-means: every row to its nearest centre, every centre to the mean of its rows.

Lloyd, "Least Squares Quantization in PCM", IEEE Transactions on Information Theory, 1982.  Sums by centre: weight and
weighted rows.  A centre that has no rows stays where it is.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import KMeans
from yarnml.learners.base import Learner, sums_by
from yarnml.learners.moments.clustering import Clustering
from yarnml.learners.moments.coreset import squared_distances


class Sums(NamedTuple):
    """Sums by centre: weight [clusters], weight · x [clusters, width]."""

    weight: jax.Array
    first: jax.Array


class Lloyd:
    """Refinement of centres by Lloyd's algorithm.

    The model is ``centres`` [clusters, width]; the loss of a row is its squared distance to the nearest.
    """

    tolerance = None

    def __init__(self, clusters: int) -> None:
        self._clusters = clusters

    def begin(self, centres: jax.Array, spread: jax.Array) -> Any:
        return {"centres": centres}

    def map(self, model: Any, x: jax.Array, weight: jax.Array) -> tuple[Sums, jax.Array]:
        centres = model["centres"]
        product = jnp.matmul(x, centres.T, precision=jax.lax.Precision.HIGHEST)
        beyond = jnp.sum(centres * centres, axis=1) - 2.0 * product  # |x|², the same for all centres, is left out
        membership = jax.nn.one_hot(jnp.argmin(beyond, axis=1), self._clusters) * weight[:, None]
        loss = jnp.maximum(jnp.sum(x * x, axis=1) + jnp.min(beyond, axis=1), 0.0)
        return Sums(jnp.sum(membership, axis=0), sums_by(membership, x)), loss

    def update(self, model: Any, sums: Sums) -> Any:
        weight = sums.weight[:, None]
        return {"centres": jnp.where(weight > 0, sums.first / jnp.where(weight > 0, weight, 1.0), model["centres"])}

    def predict(self, model: Any, x: jax.Array) -> jax.Array:
        return -squared_distances(x, model["centres"])


def build(options: KMeans, schema: Schema) -> Learner:
    return Clustering(Lloyd(options.clusters), options.clusters, schema.width)
