"""Leaves that are quantiles: the passes after those that grow the trees of a round."""

from typing import Any

import jax
import jax.numpy as jnp

from yarnml.job.learners import LEAF_PASSES
from yarnml.learners.trees import growth, quantiles
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.state import State


def waited_for(state: Any, first_pass: int, rounds: int) -> bool:
    """True where the trees of the round are grown, and the quantiles of their leaves not known yet."""
    if state.selection is None or state.passes < first_pass or state.model.rounds == rounds:
        return False
    return growth.waiting(state.growth) == 0 and bool(state.selection.digits < LEAF_PASSES)


def with_digit(state: State, counts: jax.Array, objective: Objective, rule: Rule) -> State:
    """Take in a digit of the quantiles of the leaves, and write these where it is the last one."""
    assert state.selection is not None
    assert objective.share is not None
    l2 = rule.terms.l2
    selection = quantiles.following(state.selection, counts, objective.share, l2)
    model = state.model
    is_known = selection.digits == LEAF_PASSES
    bounds = state.growth.bounds
    leaf = quantiles.quantiles_of(selection)
    leaf = leaf if bounds is None else jnp.clip(leaf, bounds[0, 0], bounds[0, 1])
    has_rows = is_known & (model.feature[model.rounds, 0] < 0) & (selection.total > l2)
    new = jnp.where(has_rows, rule.learning_rate * leaf, model.leaf[model.rounds, 0, :, 0])
    model = model._replace(leaf=model.leaf.at[model.rounds, 0, :, 0].set(new))
    return state._replace(model=model, selection=selection)
