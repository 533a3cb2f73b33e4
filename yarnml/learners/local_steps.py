"""Local steps: gradient descent that takes several steps in every shard from one all-reduce to the next.

Every shard starts from the common state and takes its steps on rows of its own (local SGD; McMahan et al.,
"Communication-Efficient Learning of Deep Networks from Decentralized Data", AISTATS 2017).  The distance that it went
is a sum over rows like any gradient, and an outer optimizer goes along its mean: with `sgd` and rate 1 that is the
average of the shards' parameters; with Nesterov momentum it is DiLoCo (Douillard et al., 2023).

The unit is the shard, not the worker, so the model does not depend on how many workers there are.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from yarnml.learners.accumulation import deal_rows, sum_by_parts
from yarnml.learners.base import Batch, Key, Scores
from yarnml.learners.gradient import GradientDescent, State, Sums
from yarnml.learners.warm_start import Earlier, Started


class LocalSteps:
    """Gradient descent with ``steps`` local steps in each shard before the shards' results are averaged.

    The sums are those of `GradientDescent`, with the distance that a shard went, times its weight, in the place of the
    gradient.  Behind them come the weighted means of the optimizer's moments and of the model's statistics: they go on
    from the average of all shards.

    ``outer``: the optimizer that takes the mean distance for a gradient.
    ``micro_batch_size``: the most rows of one local step that are mapped at once; None for all.
    """

    def __init__(
        self,
        learner: GradientDescent,
        steps: int,
        outer: optax.GradientTransformationExtraArgs,
        micro_batch_size: int | None = None,
    ) -> None:
        self._learner = learner
        self._steps = steps
        self._outer = outer
        self._micro_batch_size = micro_batch_size
        self.check = learner.check
        self.loss_degree = learner.loss_degree
        self.takes_prior = learner.takes_prior

    def init(self, key: Key, prior: jax.Array | None = None) -> State:
        state = self._learner.init(key, prior)
        return state._replace(outer=self._outer.init(state.parameters))

    def started(self, state: State, earlier: Earlier) -> Started:
        start, content = self._learner.started(state, earlier)
        return Started(start._replace(outer=self._outer.init(start.parameters)), content)

    def map(self, state: State, batch: Batch) -> Sums:
        """Take the local steps on the rows of a shard, dealt out to the steps in turn."""

        def step(local: State, rows: Batch) -> tuple[State, Scores]:
            sums = sum_by_parts(partial(self._learner.map, local), rows, self._micro_batch_size)
            after, scores = self._learner.update(local, sums)
            # A shard with few rows has steps without any: they change nothing but the counts of steps.
            return jax.tree.map(partial(_chosen, sums.weight > 0), after, local), scores

        end, scores = jax.lax.scan(step, state._replace(outer=None), deal_rows(batch, self._steps))
        weight = jnp.sum(scores.weight)
        distance = jax.tree.map(lambda before, after: (before - after) * weight, state.parameters, end.parameters)
        means = [leaf * weight for leaf in jax.tree.leaves(_beside_parameters(end)) if _is_real(leaf)]
        return Sums(distance, jnp.sum(scores.loss), weight, means)

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        has_rows = sums.weight > 0
        weight = jnp.where(has_rows, sums.weight, 1.0)
        distance = jax.tree.map(lambda total: total / weight, sums.gradient)
        steps, outer = self._outer.update(distance, state.outer, state.parameters, value=sums.loss / weight)
        parameters = optax.apply_updates(state.parameters, steps)
        means = iter(sums.statistics)

        def at_end(before: Any, after_one: Any) -> Any:
            if _is_real(before):
                return jnp.where(has_rows, next(means) / weight, before)
            counts = jnp.issubdtype(before.dtype, jnp.signedinteger)
            return before + self._steps * (after_one - before) if counts else after_one

        optimizer, statistics, noise = jax.tree.map(at_end, _beside_parameters(state), self._after_one_step(state))
        return State(parameters, optimizer, noise, statistics, outer), Scores(sums.loss, sums.weight)

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._learner.loss(parameters, batch)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._learner.predict(parameters, x)

    def parameters(self, state: State) -> Any:
        return self._learner.parameters(state)

    def _after_one_step(self, state: State) -> Any:
        """The state beside the parameters after one step without a gradient; its counts of steps are what is of use."""
        nothing = jax.tree.map(jnp.zeros_like, state.parameters)
        _, optimizer = self._learner.optimizer.update(nothing, state.optimizer, state.parameters, value=jnp.float32(0))
        noise = state.noise.next_step() if state.noise else None
        return optimizer, state.statistics, noise


def _beside_parameters(state: State) -> tuple[Any, Any, Any]:
    return state.optimizer, state.statistics, state.noise


def _is_real(leaf: jax.Array) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _chosen(is_counted: jax.Array, after: jax.Array, before: jax.Array) -> jax.Array:
    return jnp.where(is_counted, after, before) if _is_real(after) else after
