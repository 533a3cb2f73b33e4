"""Alternating least squares: ratings are products of factors of users and items, solved for one side given the other.

``explicit`` minimises Σ weight · (rating - user · item)² / 2 with the penalty l2/2 · Σ n |factors|² of every user and
item, n the weight of its ratings: Zhou, Wilkinson, Schreiber and Pan, "Large-Scale Parallel Collaborative Filtering for
the Netflix Prize", AAIM 2008.  ``implicit`` wants 1 for every pair in the data, which counts 1 + confidence · amount
times, and 0 for all others, which count once, with the penalty l2/2 · Σ |factors|²: Hu, Koren and Volinsky,
"Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.

The solution for a user, given the items, is a function of the user's own ratings: a user who has them all in one shard
is solved there, and only the factors travel.  Users of several shards are *shared*: their equations are summed up, as
those of the items are.  An epoch is a pass for the items and one for the users; in the first epoch, which has no users
yet, the first pass finds the shared ones.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Array
from yarnml.data.schema import Schema
from yarnml.errors import DataError
from yarnml.job.learners import Als
from yarnml.learners.base import Batch, Key, Learner, Scores, flat, squared_error
from yarnml.learners.ratings.equations import (
    PRECISION,
    Chunks,
    chunk_ratings,
    equations,
    right_of,
    solve_packed,
    weight_of,
    width,
)
from yarnml.learners.ratings.ratings import Counts, check_of, counts_of, score

TOLERANCE = 1e-4
"""It has converged when an epoch changes the loss by no more than this part of it."""


class State(NamedTuple):
    """The state between two passes.

    ``users`` [users, rank], ``items`` [items, rank]: factors.
    ``slots`` [users]: the number of a user among the shared ones; -1 for a user of one shard.
    ``sharing``: the number of shared users.
    ``loss``: mean over the ratings, the newest that is known.
    """

    passes: Any
    users: Any
    items: Any
    slots: Any
    sharing: Any
    loss: Any


class Sums(NamedTuple):
    """Sums over the rows of a shard.

    ``equations``: packed systems of the shared users, or of the items.
    ``users`` [users, rank]: the factors of users who were solved in this shard, 0 for all others.
    ``seen`` [users]: 1 for the users of this shard, in the first pass.
    ``loss``: twice the loss of the users who were solved here, and of the shared ones with factors 0.
    """

    equations: Any
    users: Any
    seen: Any
    loss: Any
    weight: Any


class Shard(NamedTuple):
    """The state that is kept of a shard.

    ``users``: the numbers of its users, ascending.
    ``by_user``: its ratings by user; owners are counted from 0 among the shard's users.
    ``by_item``: its ratings by item; their users are counted the same way.
    ``constant``: twice the loss where all factors are 0.
    """

    users: Array
    by_user: list[Chunks]
    by_item: list[Chunks]
    constant: Any
    weight: Any


class AlternatingLeastSquares:
    """Alternating least squares.  Factors begin at 0 for users, and normal with variance 1/rank for items."""

    def __init__(self, options: Als, counts: Counts, schema: Schema) -> None:
        self._options = options
        self._counts = counts
        self._implicit = options.feedback == "implicit"
        self._shared = min(options.shared, counts.users)
        self._rows = max(self._shared, counts.items)  # of the sums of equations
        self._solved = jax.jit(self._solve)
        self.check = check_of(options, counts, schema)

    def init(self, key: Key) -> State:
        counts = self._counts
        rank = self._options.rank
        items = jax.random.normal(key, (counts.items, rank)) / jnp.sqrt(float(rank))
        users = jnp.zeros((counts.users, rank))
        slots = jnp.full(counts.users, -1, jnp.int32)
        return State(jnp.zeros((), jnp.int32), users, items, slots, jnp.zeros((), jnp.int32), jnp.zeros(()))

    def prepare_shard(self, state: State, batches: Iterable[Batch]) -> Shard:
        nothing = Batch(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
        parts = [nothing, *(rows._replace(x=flat(rows.x)) for rows in batches)]
        x, y, weight = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        user, item = x.astype(np.int32).T
        second, first, constant = self._coefficients(y, weight)
        users, place = np.unique(user, return_inverse=True)
        user = place.astype(np.int32)
        by_user = chunk_ratings(user, item, second, first)
        by_item = chunk_ratings(item, user, second, first)
        total = np.float32(constant.sum(dtype=float))
        return Shard(users, by_user, by_item, total, np.float32(weight.sum(dtype=float)))

    def _coefficients(self, y: Any, weight: Any) -> tuple[Any, Any, Any]:
        """The coefficients (second, first, constant) of every rating, each [ratings].

        They are those of its part of the equations, and of twice the loss at a score s: second · s² - 2 first · s +
        constant.
        """
        if not self._implicit:
            return weight, weight * y, weight * y * y
        more = np.float32(self._options.confidence) * y
        first = np.where(y > 0, weight * (1 + more), 0.0).astype(np.float32)
        return weight * more, first, first

    def map_shard(self, state: State, shard: Shard) -> tuple[Sums, Shard]:
        options = self._options
        slots = state.slots[shard.users]
        rows = np.zeros((self._rows, width(options.rank)), np.float32)
        users = np.zeros_like(state.users)
        seen = np.zeros(self._counts.users, np.float32)
        sums = Sums(rows, users, seen, shard.constant, shard.weight)
        if state.passes == 0:
            seen[shard.users] = 1
        elif state.passes % 2:
            self._refuse(int(state.sharing))
            shared = [chunks.where(slots >= 0) for chunks in shard.by_user]
            shared = [chunks._replace(owner=slots[chunks.owner]) for chunks in shared]
            shared_sums = equations(shared, state.items, self._rows)
            factors, lowered = self._solve_own(state, shard, slots < 0)
            users[shard.users] = factors
            sums = sums._replace(equations=shared_sums, loss=shard.constant - lowered)
        else:
            sums = sums._replace(equations=equations(shard.by_item, state.users[shard.users], self._rows))
        return sums, shard

    def _refuse(self, sharing: int) -> None:
        if sharing > self._shared:
            raise DataError(
                f"{sharing} users have rows in more than one shard, but learner.shared allows {self._shared}; sort "
                "the rows of data.train by user, or raise learner.shared, which takes memory for each of them."
            )

    def _solve_own(self, state: State, shard: Shard, own: Array) -> tuple[Array, Any]:
        """Solve the users whose ratings are all in this shard.

        ``own`` [users of the shard]: true for these users.
        Returns the factors [users of the shard, rank], 0 for shared users, and by how much they lower twice the loss.
        """
        systems = 1 << max(len(own) - 1, 0).bit_length()  # few different sizes, so that few programs are compiled
        ratings = [chunks.where(own) for chunks in shard.by_user]
        factors, lowered = self._solved(equations(ratings, state.items, systems), state.items)
        return np.asarray(factors)[: len(own)], np.asarray(lowered)

    def _solve(self, rows: jax.Array, other_factors: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The factors [n, rank] of packed equations, and by how much they lower twice the loss, penalty not counted.

        ``other_factors``: those of the other side, which the equations were made with.
        """
        weight = weight_of(rows)
        l2 = jnp.float32(self._options.l2)
        if self._implicit:
            ridge = jnp.full_like(weight, l2)
            gram = jnp.matmul(other_factors.T, other_factors, precision=PRECISION)
        else:
            ridge = l2 * weight
            gram = None
        factors = solve_packed(rows, jnp.where(ridge > 0, ridge, 1.0), gram)
        return factors, jnp.sum(right_of(rows) * factors) + jnp.sum(ridge * jnp.sum(factors * factors, axis=1))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        turn = jnp.where(state.passes == 0, 0, 2 - state.passes % 2)
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)
        turns = [self._find_shared, self._solve_users, self._solve_items]
        following = jax.lax.switch(turn, turns, state, sums, 0.5 / weight)
        little = TOLERANCE * following.loss
        settled = (state.passes > 1) & (turn == 1) & (jnp.abs(following.loss - state.loss) <= little)
        return following._replace(passes=state.passes + 1), Scores(following.loss * sums.weight, sums.weight, settled)

    def _find_shared(self, state: State, sums: Sums, scale: jax.Array) -> State:
        """Number the users that several shards have, after the first pass."""
        several = sums.seen > 1
        sharing = jnp.cumsum(several.astype(jnp.int32))
        return state._replace(slots=jnp.where(several, sharing - 1, -1), sharing=sharing[-1], loss=sums.loss * scale)

    def _solve_users(self, state: State, sums: Sums, scale: jax.Array) -> State:
        shared, lowered = self._solve(sums.equations[: self._shared], state.items)
        users = jnp.where((state.slots >= 0)[:, None], shared[state.slots], sums.users)
        return state._replace(users=users, loss=jnp.maximum(sums.loss - lowered, 0.0) * scale)

    def _solve_items(self, state: State, sums: Sums, scale: jax.Array) -> State:
        return state._replace(items=self._solve(sums.equations[: self._counts.items], state.users)[0])

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return score(parameters, x)

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        prediction = self.predict(parameters, batch.x)
        if not self._implicit:
            return squared_error(prediction, batch.y)
        preference = (batch.y > 0).astype(jnp.float32)
        return (1.0 + self._options.confidence * batch.y) * squared_error(prediction, preference)

    def parameters(self, state: State) -> Any:
        return {"users": {"factors": state.users}, "items": {"factors": state.items}}


def build(options: Als, schema: Schema) -> Learner:
    return AlternatingLeastSquares(options, counts_of(options, schema), schema)
