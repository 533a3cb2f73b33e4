"""Matrix factorisation: a rating is a mean, an offset of the user, one of the item, and a product of their factors.

Koren, Bell and Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE Computer, 2009.  With
``implicit`` feedback only the order of a user's items counts: an item that he has shall score higher than one that is
drawn, which is lost with -log σ(score - score of the other).  Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR:
Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.

The gradient of a step is as long as the model, so for very many users `yarnml.learners.ratings.als` sends less.
"""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.job.learners import Factorization
from yarnml.learners.base import Batch, Key, Learner, flat, squared_error
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.groups import optimizer_of
from yarnml.learners.noise import Noise
from yarnml.learners.ratings.ratings import check_of, counts_of, score

FACTOR_DEVIATION = 0.1
"""The standard deviation of the factors to begin with."""


class FactorizationModel:
    """A rating as the sum of ``bias``, two offsets and a product of factors.

    x [rows, 2], the numbers of user and item → ratings [rows].
    """

    def __init__(self, users: int, items: int, rank: int) -> None:
        self._users = users
        self._items = items
        self._rank = rank

    def init(self, key: Key) -> Any:
        first, second = jax.random.split(key)
        users = self._side(first, self._users)
        items = self._side(second, self._items)
        return {"users": users, "items": items, "bias": jnp.zeros(())}

    def _side(self, key: Key, count: int) -> dict[str, jax.Array]:
        return {"factors": FACTOR_DEVIATION * jax.random.normal(key, (count, self._rank)), "offset": jnp.zeros(count)}

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return parameters["bias"] + score(parameters, x)

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return squared_error(self.predict(parameters, x), y)


class RankingModel:
    """Scores for ``implicit`` feedback, those of `FactorizationModel`: they only tell the order of a user's items.

    It is its own `Training`, for which it draws another item for each row.

    The other item of a row is any item, all with the same chance.  The user may have it too: then the two come as often
    the other way round, and the forces that part them cancel.  Rows with an amount of 0 say nothing.
    """

    noisy = True

    def __init__(self, scores: FactorizationModel, items: int) -> None:
        self._items = items
        self.init = scores.init
        self.predict = scores.predict

    def start(self) -> None:
        return None

    def training_loss(
        self, parameters: Any, statistics: None, batch: Batch, keys: jax.Array | None
    ) -> tuple[jax.Array, None]:
        assert keys is not None
        return self._against_others(parameters, batch.x, batch.y, keys), None

    def follow(self, statistics: None, sums: None, weight: jax.Array) -> None:
        return None

    def complete(self, parameters: Any, statistics: None) -> Any:
        return parameters

    def restart(self, complete: Any, statistics: None) -> tuple[Any, None]:
        return complete, None

    def _against_others(self, parameters: Any, x: jax.Array, y: jax.Array, keys: jax.Array) -> jax.Array:
        """The loss of every row against another item, [rows]; ``keys`` [rows] draw the other items."""
        other = jax.vmap(lambda key: jax.random.randint(key, (), 0, self._items))(keys)
        against = flat(x).at[:, 1].set(other.astype(x.dtype))
        apart = self.predict(parameters, x) - self.predict(parameters, against)
        return jnp.where(y > 0, jax.nn.softplus(-apart), 0.0)

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        """The loss for the evaluation, for which a row has the same other item every time."""
        return self._against_others(parameters, x, y, Noise(jnp.uint32(0), jnp.int32(0)).keys(x))


def build(options: Factorization, schema: Schema) -> Learner:
    counts = counts_of(options, schema)
    model = FactorizationModel(counts.users, counts.items, options.rank)
    optimizer = optimizer_of(options, model.init)
    penalty = weight_decay(options.l2)
    check = check_of(options, counts, schema)
    if options.feedback == "explicit":
        return GradientDescent(model, optimizer, penalty, check)
    ranking = RankingModel(model, counts.items)
    return GradientDescent(ranking, optimizer, penalty, check, ranking)
