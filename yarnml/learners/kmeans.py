"""k-means: every row to its nearest centre, every centre to the mean of its rows.

Lloyd, "Least Squares Quantization in PCM", IEEE Transactions on Information Theory, 1982.  Sums by centre: weight and
weighted rows.  A centre that has no rows stays where it is.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.learners.base import Learner, sums_by
from yarnml.learners.clustering import Clustering
from yarnml.learners.coreset import squared_distances
from yarnml.learners.options import KMeans


class Sums(NamedTuple):
    """weight [clusters], first [clusters, width]."""

    weight: jax.Array
    first: jax.Array


class Lloyd:
    """The model is ``centres`` [clusters, width]; the loss of a row is its squared distance to the nearest."""

    def __init__(self, clusters: int) -> None:
        self._clusters = clusters

    def begin(self, centres: jax.Array, spread: jax.Array) -> Any:
        return {"centres": centres}

    def map(self, model: Any, x: jax.Array, weight: jax.Array) -> tuple[Sums, jax.Array]:
        distances = squared_distances(x, model["centres"])
        membership = jax.nn.one_hot(jnp.argmin(distances, axis=1), self._clusters) * weight[:, None]
        return Sums(jnp.sum(membership, axis=0), sums_by(membership, x)), jnp.min(distances, axis=1)

    def update(self, model: Any, sums: Sums) -> Any:
        weight = sums.weight[:, None]
        return {"centres": jnp.where(weight > 0, sums.first / jnp.where(weight > 0, weight, 1.0), model["centres"])}

    def predict(self, model: Any, x: jax.Array) -> jax.Array:
        return -squared_distances(x, model["centres"])


def build(options: KMeans, schema: Schema) -> Learner:
    return Clustering(Lloyd(options.clusters), options.clusters, schema.width)
