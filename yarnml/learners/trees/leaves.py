"""Leaves that are quantiles: the passes after those that grow the trees of a round."""

from typing import Any

import numpy as np

from yarnml.data.arrays import Array
from yarnml.job.learners import LEAF_PASSES
from yarnml.learners.trees import growth, quantiles
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.state import State


def waited_for(state: Any, first_pass: int, rounds: int) -> bool:
    """True where the trees of the round are grown, and the quantiles of their leaves not known yet."""
    if state.selection is None or state.passes < first_pass or state.model.rounds == rounds:
        return False
    return not growth.waiting(state.growth, 1).any() and bool(state.selection.digits < LEAF_PASSES)


def with_digit(state: State, counts: Array, objective: Objective, rule: Rule) -> State:
    """Take in a digit of the quantiles of the leaves, and write these where it is the last one."""
    assert state.selection is not None
    assert objective.shares is not None
    l2 = rule.terms.l2
    selection = quantiles.following(state.selection, counts, objective.shares, l2)
    model = state.model
    if selection.digits == LEAF_PASSES:
        bounds = state.growth.bounds
        feature = model.feature[model.rounds]
        leaf = quantiles.quantiles_of(selection).reshape(feature.shape)
        leaf = leaf if bounds is None else np.clip(leaf, bounds[:, 0], bounds[:, 1])
        has_rows = (feature < 0) & (selection.total.reshape(feature.shape) > l2)
        model.leaf[model.rounds, has_rows, 0] = rule.learning_rate * leaf[has_rows]
    return state._replace(selection=selection)
