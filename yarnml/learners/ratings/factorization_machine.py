"""A factorisation machine: a linear model in which every pair of features has a weight, the product of their factors.

Rendle, "Factorization Machines", ICDM 2010: Σ over pairs i < j of (v_i·v_j) x_i x_j is half of
Σ over factors f of (Σ_i v_if x_i)² - Σ_i (v_if x_i)², which takes rank · width products instead of width².
"""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import FactorizationMachine
from yarnml.learners.base import Key, Learner, flat
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.groups import optimizer_of
from yarnml.learners.networks.head import Head


class FactorizationMachineModel:
    """The model of a factorisation machine; every class has factors of its own.

    x [rows, *shape] → probabilities [rows, classes] or numbers [rows].
    """

    def __init__(self, width: int, rank: int, head: Head) -> None:
        self._width = width
        self._rank = rank
        self._head = head

    def init(self, key: Key) -> Any:
        """Linear weights 0, factors small: at first the pairs of scaled features add about rank**0.5 / 14."""
        width = self._width
        outputs = self._head.width
        factors = jax.random.normal(key, (width, outputs * self._rank)) * jnp.sqrt(0.1 / width)
        return {"weight": jnp.zeros((width, outputs)), "factors": factors, "bias": jnp.zeros(outputs)}

    def at_prior(self, parameters: Any, prior: jax.Array) -> Any:
        return parameters | {"bias": self._head.bias(prior)}

    def _outputs(self, parameters: Any, x: jax.Array) -> jax.Array:
        x = flat(x)
        factors = parameters["factors"]
        pairs = jnp.square(x @ factors) - jnp.square(x) @ jnp.square(factors)
        interactions = 0.5 * jnp.sum(pairs.reshape(-1, self._head.width, self._rank), axis=2)
        return x @ parameters["weight"] + interactions + parameters["bias"]

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._head.predict(self._outputs(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._head.loss(self._outputs(parameters, x), y)


def build(options: FactorizationMachine, schema: Schema) -> Learner:
    head = Head(schema, "factorization_machine")
    model = FactorizationMachineModel(schema.width, options.rank, head)
    return GradientDescent(model, optimizer_of(options, model.init), weight_decay(options.l2))
