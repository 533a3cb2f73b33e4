"""Cox's proportional hazards: a score is the logarithm of a row's risk, beside that of all rows still there.

The partial likelihood looks at each event: how likely was it that row of all that had come so far?  (Cox, "Regression
Models and Life-Tables", 1972; equal times by Breslow, 1974.)
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.learners.trees.objectives import none_alike
from yarnml.learners.trees.table import Slopes, Table


class Cox:
    """The partial likelihood of times; a label is negative for a time up to which nothing happened."""

    trees = 1
    outputs = 1
    targets_count = 1
    guess = 0.0
    share = None

    def targets(self, y: Array, start: Array | None) -> Array:
        return np.zeros((1, len(y)), np.float32)

    def base(self, mean: jax.Array) -> jax.Array:
        return jnp.zeros(1)

    def stats(self, scores: Array, y: Array, weight: Array, mean: Array) -> Array:
        raise NotImplementedError("its gradients hang on other rows: see slopes")

    def slopes(self, table: Table, places: Array) -> Slopes:
        """The derivatives of -log of the partial likelihood, and the events' parts of it."""
        rows = np.flatnonzero(table.weight > 0)
        rows = rows[np.argsort(np.abs(table.label[rows]), kind="stable")]
        time = np.abs(table.label[rows])
        largest = table.score[rows].max(initial=-np.inf)
        hazard = np.zeros(len(table.score))
        hazard[rows] = table.weight[rows] * np.exp(table.score[rows] - largest)
        left = np.cumsum(hazard[rows][::-1])[::-1][np.searchsorted(time, time)]  # of all that are there at a time
        events = table.weight[rows] * (table.label[rows] > 0)
        upto = np.searchsorted(time, time, side="right") - 1
        passed, squared, at_risk = (np.zeros(len(table.score)) for _ in range(3))
        passed[rows] = np.cumsum(events / left)[upto]
        squared[rows] = np.cumsum(events / left**2)[upto]
        at_risk[rows] = np.log(left) + largest
        ended = table.weight[places] * (table.label[places] > 0)
        own = hazard[places]
        loss = float(ended @ (at_risk[places] - table.score[places]))
        return Slopes(own * passed[places] - ended, own * passed[places] - own**2 * squared[places], loss)

    def loss(self, scores: Any, y: Any, xp: Any) -> Any:
        return xp.zeros(len(y), np.float32)  # of a row alone there is none: an evaluation takes that of all

    def alike(self, leaf: jax.Array, base: jax.Array) -> jax.Array:
        return none_alike(leaf)

    def predict(self, scores: jax.Array) -> jax.Array:
        return scores[:, 0]

    def refused(self, y: Array) -> str | None:
        odd = y[(y == 0) | ~np.isfinite(y)]
        return f"learner.objective cox needs times other than 0, but one is {odd[0]:g}." if odd.size else None
