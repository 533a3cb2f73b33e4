"""Alternating least squares: ratings are products of factors of users and items, solved for one side given the other.

``explicit`` minimises Σ weight · (rating - user · item)² / 2 with the penalty l2/2 · Σ n |factors|² of every user and
item, n the weight of its ratings: Zhou, Wilkinson, Schreiber and Pan, "Large-Scale Parallel Collaborative Filtering for
the Netflix Prize", AAIM 2008.  ``implicit`` wants 1 for every pair in the data, which counts 1 + confidence · amount
times, and 0 for all others, which count once, with the penalty l2/2 · Σ |factors|²: Hu, Koren and Volinsky,
"Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008.

What is solved for a user, given the items, is a function of the user's own ratings: whoever has them all in one shard
is solved there, and only the factors travel.  Users of several shards are *shared*: their equations are summed up, as
those of the items are.  An epoch is a pass for the items and one for the users; in the first epoch, which has no users
yet, the first pass finds the shared ones.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.errors import DataError
from yarnml.job.learners import Als
from yarnml.learners.base import Batch, Key, Learner, Scores, flat, squared_error
from yarnml.learners.ratings.equations import EXACT, Chunks, chunked, equations, right_of, solved, weight_of, width
from yarnml.learners.ratings.ratings import check_columns, check_of, score

Array = npt.NDArray[Any]


class State(NamedTuple):
    """``slots`` [users]: which of the shared users one is, -1 for none; ``sharing``: how many there are.

    ``loss``: mean over the ratings, the newest that is known.
    """

    passes: Any
    users: Any
    items: Any
    slots: Any
    sharing: Any
    loss: Any


class Sums(NamedTuple):
    """``equations``, packed, of the shared users or of the items; ``seen`` [users]: in how many shards.

    ``users`` [users, rank]: those solved in their shards.  ``loss``: twice that of the users
    who were solved there, and of the shared ones with factors 0.
    """

    equations: Any
    users: Any
    seen: Any
    loss: Any
    weight: Any


class Held(NamedTuple):
    """A shard: its users, ascending, and its ratings by user, counted from 0 among them, and by item.

    ``constant``: twice the loss where all factors are 0.
    """

    users: Array
    by_user: list[Chunks]
    by_item: list[Chunks]
    constant: Any
    weight: Any


class AlternatingLeastSquares:
    """Factors begin at 0 for users, and normal with variance 1/rank for items."""

    def __init__(self, options: Als, schema: Schema) -> None:
        self._options, self._implicit = options, options.feedback == "implicit"
        self._shared = min(options.shared, options.users)
        self._rows = max(self._shared, options.items)  # of the sums of equations
        self._solved = jax.jit(self._solve)
        self.check = check_of(options, schema)

    def init(self, key: Key) -> State:
        options = self._options
        items = jax.random.normal(key, (options.items, options.rank)) / jnp.sqrt(float(options.rank))
        users, slots = jnp.zeros((options.users, options.rank)), jnp.full(options.users, -1, jnp.int32)
        return State(jnp.zeros((), jnp.int32), users, items, slots, jnp.zeros((), jnp.int32), jnp.zeros(()))

    def prepare_shard(self, state: State, batches: Iterable[Batch]) -> Held:
        nothing = Batch(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
        every = [nothing, *(rows._replace(x=flat(rows.x)) for rows in batches)]
        x, y, weight = (np.concatenate(parts) for parts in zip(*every, strict=True))
        user, item = x.astype(np.int32).T
        second, first, constant = self._coefficients(y, weight)
        users, place = np.unique(user, return_inverse=True)
        user = place.astype(np.int32)
        by_user, by_item = chunked(user, item, second, first), chunked(item, user, second, first)
        return Held(users, by_user, by_item, np.float32(constant.sum(dtype=float)), np.float32(weight.sum(dtype=float)))

    def _coefficients(self, y: Any, weight: Any) -> tuple[Any, Any, Any]:
        """What a rating adds to its equations, and to twice the loss: second · s² - 2 first · s + constant."""
        if not self._implicit:
            return weight, weight * y, weight * y * y
        more = np.float32(self._options.confidence) * y
        wanted = np.where(y > 0, weight * (1 + more), 0.0).astype(np.float32)
        return weight * more, wanted, wanted

    def map_shard(self, state: State, held: Held) -> tuple[Sums, Held]:
        options, slots = self._options, state.slots[held.users]
        rows = np.zeros((self._rows, width(options.rank)), np.float32)
        users, seen = np.zeros_like(state.users), np.zeros(options.users, np.float32)
        sums = Sums(rows, users, seen, held.constant, held.weight)
        if state.passes == 0:
            seen[held.users] = 1
        elif state.passes % 2:
            self._refuse(int(state.sharing))
            shared = [chunks.where(slots >= 0) for chunks in held.by_user]
            shared = [chunks._replace(owner=slots[chunks.owner]) for chunks in shared]
            together = equations(shared, state.items, self._rows)
            found, lowered = self._own(state, held, slots < 0)
            users[held.users] = found
            sums = sums._replace(equations=together, loss=held.constant - lowered)
        else:
            sums = sums._replace(equations=equations(held.by_item, state.users[held.users], self._rows))
        return sums, held

    def _refuse(self, sharing: int) -> None:
        if sharing > self._shared:
            raise DataError(
                f"{sharing} users have rows in more than one shard, but learner.shared allows {self._shared}; sort "
                "the rows of data.train by user, or raise learner.shared, which takes memory for each of them."
            )

    def _own(self, state: State, held: Held, own: npt.NDArray[np.bool_]) -> tuple[Array, Any]:
        """Solve the users that are whole in this shard, [its users, rank], 0 for the others; what that is worth."""
        room = 1 << max(len(own) - 1, 0).bit_length()  # few different sizes, so that few are compiled
        mine = [chunks.where(own) for chunks in held.by_user]
        found, lowered = self._solved(equations(mine, state.items, room), state.items)
        return np.asarray(found)[: len(own)], np.asarray(lowered)

    def _solve(self, rows: jax.Array, others: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The factors [n, rank] of packed equations, and by how much they lower twice the loss, penalty not counted.

        ``others``: the factors of the other side.
        """
        weight = weight_of(rows)
        l2 = jnp.float32(self._options.l2)
        if self._implicit:
            ridge, gram = jnp.full_like(weight, l2), jnp.matmul(others.T, others, precision=EXACT)
        else:
            ridge, gram = l2 * weight, None
        found = solved(rows, jnp.where(ridge > 0, ridge, 1.0), gram)
        return found, jnp.sum(right_of(rows) * found) + jnp.sum(ridge * jnp.sum(found * found, axis=1))

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        turn = jnp.where(state.passes == 0, 0, 2 - state.passes % 2)
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)
        following = jax.lax.switch(turn, [self._found, self._users, self._items], state, sums, 0.5 / weight)
        return following._replace(passes=state.passes + 1), Scores(following.loss * sums.weight, sums.weight)

    def _found(self, state: State, sums: Sums, scale: jax.Array) -> State:
        """Number the users that several shards have."""
        several = sums.seen > 1
        sharing = jnp.cumsum(several.astype(jnp.int32))
        return state._replace(slots=jnp.where(several, sharing - 1, -1), sharing=sharing[-1], loss=sums.loss * scale)

    def _users(self, state: State, sums: Sums, scale: jax.Array) -> State:
        together, lowered = self._solve(sums.equations[: self._shared], state.items)
        users = jnp.where((state.slots >= 0)[:, None], together[state.slots], sums.users)
        return state._replace(users=users, loss=jnp.maximum(sums.loss - lowered, 0.0) * scale)

    def _items(self, state: State, sums: Sums, scale: jax.Array) -> State:
        return state._replace(items=self._solve(sums.equations[: self._options.items], state.users)[0])

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return score(parameters, x)

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        found = self.predict(parameters, batch.x)
        if not self._implicit:
            return squared_error(found, batch.y)
        wanted = (batch.y > 0).astype(jnp.float32)
        return (1.0 + self._options.confidence * batch.y) * squared_error(found, wanted)

    def parameters(self, state: State) -> Any:
        return {"users": {"factors": state.users}, "items": {"factors": state.items}}


def build(options: Als, schema: Schema) -> Learner:
    check_columns(options, schema)
    return AlternatingLeastSquares(options, schema)
