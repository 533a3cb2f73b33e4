"""Trees that go on where an earlier model ends: its rounds come first, and their leaves are added up once a shard."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import JobFileError
from yarnml.learners.trees.categories import MAX_CATEGORIES
from yarnml.learners.trees.model import Model
from yarnml.learners.trees.rule import Rule
from yarnml.learners.trees.state import State
from yarnml.learners.warm_start import Earlier, Started

_SHARED = ("base", "rounds", "share", "table")
"""The arrays of a model that are not of its nodes."""


def started(state: State, rule: Rule, earlier: Earlier) -> Started:
    """The first state with the finished rounds of an earlier model; KeyError or ValueError where they don't fit."""
    arrays = earlier.below("parameters") if earlier.is_model else earlier.below("model")
    rounds = int(arrays["rounds"])
    if rounds >= rule.rounds:
        raise JobFileError(
            f"start_from has {rounds} rounds of trees, and learner.trees, which counts all, is {rule.trees}; raise it."
        )
    model = {}
    for name, new in state.model._asdict().items():
        if new is None or name == "share":
            model[name] = new
        elif name in _SHARED:
            model[name] = np.array(_same_form(name, arrays[name], new.shape), new.dtype)
        else:
            model[name] = new.copy()
            model[name][:rounds] = _cut(name, arrays[name][:rounds], new.shape)
    return Started(state._replace(model=Model(**model), start=np.int32(rounds)), f"{rounds} rounds of trees")


def _cut(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """The array of the nodes of some rounds [rounds, trees, nodes, …], with room for as many nodes as ``shape`` has."""
    room = shape[2]
    if array[:, :, room:].any() and (name != "feature" or (array[:, :, room:] >= 0).any()):
        raise ValueError(f"trees have more than {room} nodes, for which learner.depth and learner.leaves have no room")
    array = array[:, :, :room]
    whole = np.full((len(array), *shape[1:]), -1 if name == "feature" else 0, array.dtype)
    whole[:, :, : array.shape[2]] = _same_form(name, array, (len(array), shape[1], array.shape[2], *shape[3:]))
    return whole


def _same_form(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    if array.shape != shape:
        raise ValueError(f"{name} has the shape {list(array.shape)}, not {list(shape)}")
    return array


def start_of(state: Any, categorical: Array, bins: int) -> Callable[[Array], Array] | None:
    """The function of rows that `leaves_of` is for the earlier rounds of a state of NumPy arrays; None without such."""
    if not state.start:
        return None
    return partial(leaves_of, state.model, int(state.start), categorical=categorical, bins=bins)


def leaves_of(model: Any, rounds: int, x: Array, categorical: Array, bins: int) -> Array:
    """The leaves of rows x [rows, features] in the first rounds, added up one after another: float32 [scores, rows].

    ``model``: of NumPy arrays.  It is `yarnml.learners.trees.model.scores_of`, on the host and without the base.
    """
    column = np.cumsum(categorical) - 1
    total = np.zeros((len(model.base), len(x)), np.float32)
    for number in range(rounds):
        leaves = []
        for tree in range(model.feature.shape[1]):
            node = np.zeros(len(x), np.int64)
            while (inner := model.feature[number, tree, node] >= 0).any():
                node = np.where(inner, _below(model, number, tree, node, x, column, categorical, bins), node)
            leaves.append(model.leaf[number, tree, node].T)
        total += np.concatenate(leaves).reshape(total.shape)
    return total


def _below(
    model: Any, number: int, tree: int, node: Array, x: Array, column: Array, categorical: Array, bins: int
) -> Array:
    """The nodes below those that rows are in, [rows]; without a meaning below leaves."""
    feature = np.maximum(model.feature[number, tree, node], 0)
    value = x[np.arange(len(x)), feature]
    right = value > model.threshold[number, tree, node]
    is_missing = np.isnan(value)
    if model.categories is not None:
        is_coded = categorical[feature]
        code = np.clip(np.nan_to_num(value), 0, MAX_CATEGORIES - 1).astype(np.int32)
        known = model.table[np.maximum(column[feature], 0), code].astype(np.int32)
        bin = np.where(code == value, known, bins)
        words = model.categories[number, tree, node, np.minimum(bin, bins - 1) >> 5]
        is_in = (words >> (bin & 31).astype(np.uint32)) & 1 == 1
        right = np.where(is_coded, ~is_in, right)
        is_missing |= is_coded & (bin == bins)
    right = np.where(is_missing, ~model.left[number, tree, node], right)
    return model.child[number, tree, node] + right
