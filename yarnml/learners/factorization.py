"""Matrix factorisation: a rating is a mean, an offset of the user, one of the item, and a product of their factors.

Koren, Bell and Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE Computer, 2009.  The gradient
of a step is as long as the model, so for very many users `yarnml.learners.als` sends less.
"""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.learners.base import Key, Learner, squared_error
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.optimizers import build_optimizer
from yarnml.learners.options import Factorization
from yarnml.learners.ratings import check_columns, check_of, score

START = 0.1  # deviation of the factors


class FactorizationModel:
    """x [rows, 2], the numbers of user and item → ratings [rows].  The mean is ``bias``."""

    def __init__(self, users: int, items: int, rank: int) -> None:
        self._users, self._items, self._rank = users, items, rank

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        users, items = self._side(first, self._users), self._side(second, self._items)
        return {"users": users, "items": items, "bias": jnp.zeros(())}

    def _side(self, key: Key, count: int) -> dict[str, jax.Array]:
        return {"factors": START * jax.random.normal(key, (count, self._rank)), "offset": jnp.zeros(count)}

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return parameters["bias"] + score(parameters, x)

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return squared_error(self.predict(parameters, x), y)


def build(options: Factorization, schema: Schema) -> Learner:
    check_columns(options, schema)
    model = FactorizationModel(options.users, options.items, options.rank)
    optimizer = build_optimizer(options.optimizer, options.clip_norm)
    return GradientDescent(model, optimizer, weight_decay(options.l2), check_of(options, schema))
