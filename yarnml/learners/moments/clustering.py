"""Clustering, the common part of its learners: three passes find where to begin, all others refine.

Passes 1 and 2 give the mean and the mean squared distance to it; twice, since the first sums are around 0 and lose
their digits where the mean is large beside the distances.  Pass 3 picks a sample on which the centres begin
(`yarnml.learners.moments.coreset`).  All coordinates are relative to the mean, and float64, so that distances can be
had from products, also those within tight clusters that are far from each other.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.learners.base import Batch, Key, Scores, flat, same
from yarnml.learners.moments import coreset
from yarnml.learners.moments.coreset import Slots
from yarnml.learners.warm_start import PARAMETERS, Earlier, Started

PASSES_TO_BEGIN = 3
"""The passes before the first one that refines."""

EMPTY = 1e-9
"""A cluster with a smaller share of the rows has none."""


class Refinement(Protocol):
    """An algorithm that makes clusters better, pass by pass.  ``model`` is a dict of arrays; x is [rows, width].

    ``tolerance``: it has converged when a pass changes the mean loss by no more than this part of it, at least of 1;
    None: when a pass changes nothing.
    """

    @property
    def tolerance(self) -> float | None: ...

    def begin(self, centres: jax.Array, spread: jax.Array) -> Any:
        """The model around ``centres`` [clusters, width] with rows at a mean squared distance of ``spread``."""

    def map(self, model: Any, x: jax.Array, weight: jax.Array) -> tuple[Any, jax.Array]:
        """Sums over the rows, among them the ``weight`` of each cluster, and the loss of every row."""

    def update(self, model: Any, sums: Any) -> Any: ...

    def predict(self, model: Any, x: jax.Array) -> jax.Array:
        """Scores [rows, clusters], of which the largest is the row's cluster."""


class State(NamedTuple):
    """The state between two passes.

    ``passes``: made so far.
    ``mean`` [width], ``spread``, ``total``: of all rows; spread is the mean squared distance to the mean, total the
    weight.
    ``loss``: mean over all rows, of the model before this one; ``rows`` [clusters]: weight of its clusters.
    """

    passes: jax.Array
    seed: jax.Array
    mean: jax.Array
    spread: jax.Array
    total: jax.Array
    loss: jax.Array
    rows: jax.Array
    model: Any


class Sums(NamedTuple):
    """Sums over the rows of a pass, as far as it needs them; the rest is 0.

    ``slots``: the moments of all rows in the first one, or the sample.
    ``refined``: the refinement's own sums.
    """

    weight: jax.Array
    loss: jax.Array
    slots: Slots
    refined: Any


class Clustering:
    """A refinement from its start on, as a learner without a label."""

    exact = True

    def __init__(self, refinement: Refinement, clusters: int, width: int) -> None:
        self._refinement = refinement
        self._clusters = clusters
        self._width = width
        self._slots = coreset.slots_for(clusters)

    def init(self, key: Key) -> State:
        one = jnp.ones(())
        model = self._refinement.begin(jnp.zeros((self._clusters, self._width)), one)
        return State(
            passes=jnp.zeros((), jnp.int32),
            seed=jax.random.bits(key, (), jnp.uint32),
            mean=jnp.zeros(self._width),
            spread=one,
            total=one,
            loss=jnp.zeros(()),
            rows=jnp.zeros(self._clusters),
            model=model,
        )

    def started(self, state: State, earlier: Earlier) -> Started:
        """The refinement of an earlier model, from its first pass on."""
        if earlier.is_model:
            like = jax.tree.map(lambda a: a.astype(jnp.float32), self.parameters(state))
            model = _wide_all(earlier.tree(like, "parameters"))
            mean = model.pop("mean")
        else:
            whole = earlier.tree(state)
            if whole.passes <= PASSES_TO_BEGIN:
                raise ValueError("its checkpoint is of a pass before clusters were begun")
            model = whole.model
            mean = whole.mean
        passes = jnp.full_like(state.passes, PASSES_TO_BEGIN)
        return Started(state._replace(passes=passes, mean=mean, model=model), PARAMETERS)

    def map(self, state: State, batch: Batch) -> Sums:
        x = _wide(batch.x) - state.mean
        weight = batch.weight.astype(jnp.float64)
        refined, loss = self._refinement.map(state.model, x, weight)
        slots = jax.lax.switch(self._phase(state), [self._moments, self._pick, self._nothing], state, x, weight)
        return Sums(jnp.sum(weight), jnp.sum(loss * weight), slots, refined)

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        following = jax.lax.switch(self._phase(state), [self._centre, self._begin, self._refine], state, sums)
        loss = sums.loss / jnp.where(sums.weight > 0, sums.weight, 1.0)
        settled = same(state.model, following.model)
        if self._refinement.tolerance is not None:
            little = self._refinement.tolerance * jnp.maximum(jnp.abs(loss), 1.0)
            settled |= (state.passes > PASSES_TO_BEGIN) & (jnp.abs(loss - state.loss) <= little)
        scores = Scores(sums.loss, sums.weight, (self._phase(state) == 2) & settled)
        return following._replace(passes=state.passes + 1, loss=loss, rows=sums.refined.weight), scores

    def remarks(self, state: State, features: list[str], factor: Any) -> list[str]:
        empty = int(np.sum(state.rows < EMPTY * state.total))
        if not empty or state.passes <= PASSES_TO_BEGIN:
            return []
        return [f"{empty} of {self._clusters} clusters have no rows; lower learner.clusters"]

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        model = _wide_all(parameters)
        return self._refinement.predict(model, _wide(x) - model["mean"]).astype(jnp.float32)

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        model = _wide_all(parameters)
        weight = batch.weight.astype(jnp.float64)
        return self._refinement.map(model, _wide(batch.x) - model["mean"], weight)[1].astype(jnp.float32)

    def parameters(self, state: State) -> Any:
        return jax.tree.map(lambda a: a.astype(jnp.float32), {"mean": state.mean, **state.model})

    def _phase(self, state: State) -> jax.Array:
        return jnp.clip(state.passes - 1, 0, 2)

    def _moments(self, state: State, x: jax.Array, weight: jax.Array) -> Slots:
        """The moments of all rows, in the first slot."""
        weighted = x * weight[:, None]
        nothing = self._nothing(state, x, weight)
        sums = jnp.sum(weight), jnp.sum(weighted, axis=0), jnp.sum(weighted * x)
        return Slots(*(a.at[0].set(b) for a, b in zip(nothing, sums, strict=True)))

    def _pick(self, state: State, x: jax.Array, weight: jax.Array) -> Slots:
        return coreset.pick(x, weight, state.spread, state.total, state.seed, self._slots)

    def _nothing(self, state: State, x: jax.Array, weight: jax.Array) -> Slots:
        n = self._slots
        return Slots(jnp.zeros(n), jnp.zeros((n, self._width)), jnp.zeros(n))

    def _centre(self, state: State, sums: Sums) -> State:
        total, first, second = (a[0] for a in sums.slots)
        safe = jnp.where(total > 0, total, 1.0)
        step = first / safe
        spread = jnp.maximum(second / safe - jnp.sum(step * step), 0.0)
        return state._replace(mean=state.mean + step, spread=spread, total=total)

    def _begin(self, state: State, sums: Sums) -> State:
        x, weight = coreset.points(sums.slots)
        return state._replace(model=self._refinement.begin(*coreset.begin(x, weight, self._clusters, state.seed)))

    def _refine(self, state: State, sums: Sums) -> State:
        return state._replace(model=self._refinement.update(state.model, sums.refined))


def _wide(x: jax.Array) -> jax.Array:
    """The features of every row, [rows, width], in float64."""
    return flat(x).astype(jnp.float64)


def _wide_all(parameters: Any) -> Any:
    return jax.tree.map(lambda a: a.astype(jnp.float64), parameters)
