"""The state of gradient descent as rows of a table: its numbers, `NUMBERS` to a row, with what is kept of them.

Each array begins with a row of its own, and its last row is filled up with zeros.  The keys are even over all keys, so
that owners have about equally many.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from yarnml.data.arrays import Matrix
from yarnml.job.learners.element_wise import ElementWise
from yarnml.learners.element_wise import ElementWiseRule
from yarnml.learners.gradient import State, is_unpenalised
from yarnml.sparse.block import Block

NUMBERS = 256

BLOCK = "parameters"


class ParameterRows:
    """The way between pytrees of a model's form and rows.

    ``block``: of these rows.  ``keys``: uint64 [rows], ascending.

    Args:
        form: the shapes and types of a state.
        options: the rule by which rows are updated.
    """

    def __init__(self, form: State, options: ElementWise) -> None:
        self._form = form
        self._rule = ElementWiseRule(options)
        leaves = jax.tree_util.tree_leaves_with_path(form.parameters)
        self._leaves = [leaf for _, leaf in leaves]
        self._structure = jax.tree.structure(form.parameters)
        self._counts = [-(-math.prod(leaf.shape) // NUMBERS) for leaf in self._leaves]
        strengths = [0.0 if is_unpenalised(path) else options.l2 for path, _ in leaves]
        self._strength = np.repeat(np.array(strengths, np.float32), self._counts)
        rows = sum(self._counts)
        self.block = Block(BLOCK, NUMBERS + 1, self._rule)
        self.keys = np.array([row * 2**64 // rows for row in range(rows)], np.uint64)

    def rows_of(self, leaves: Sequence[Any], last: float = 0.0) -> Matrix:
        """float32 [rows, NUMBERS + 1]: arrays of the parameters' shapes, and behind each row's the same number."""
        rows = np.zeros((len(self.keys), NUMBERS + 1), np.float32)
        rows[:, -1] = last
        for leaf, own in zip(leaves, self._cut(rows), strict=True):
            numbers = np.asarray(leaf).reshape(-1)
            whole = len(numbers) // NUMBERS
            own[:whole, :NUMBERS] = numbers[: whole * NUMBERS].reshape(whole, NUMBERS)
            if whole < len(own):
                own[whole, : len(numbers) - whole * NUMBERS] = numbers[whole * NUMBERS :]
        return rows

    def tree_of(self, rows: Matrix) -> Any:
        """The parameters in the first numbers of these rows, as NumPy arrays."""
        leaves = [
            own[:, :NUMBERS].reshape(-1)[: math.prod(form.shape)].reshape(form.shape).astype(form.dtype, copy=False)
            for own, form in zip(self._cut(rows), self._leaves, strict=True)
        ]
        return jax.tree.unflatten(self._structure, leaves)

    def stored(self, state: State) -> Matrix:
        """The rows [rows, stored] of a state."""
        kept = iter(jax.tree.leaves(state.optimizer))
        arrays = [
            self.rows_of([next(kept) for _ in self._leaves])[:, :NUMBERS] if is_wide else next(kept)
            for is_wide in self._rule.kept
        ]
        weights = self.rows_of(jax.tree.leaves(state.parameters))
        weights[:, -1] = self._strength
        return np.asarray(self._rule.joined(weights, arrays))

    def restored(self, rows: Matrix) -> State:
        """The parameters and what the optimizer keeps in the rows of `stored`; ValueError where they are not of it."""
        expected = len(self.keys), self._rule.stored(NUMBERS + 1)
        if rows.shape != expected:
            raise ValueError(f"its parameters are rows {rows.shape}, not {expected}")
        leaves: list[Any] = []
        for array, is_wide in zip(self._rule.cut(rows), self._rule.kept, strict=True):
            leaves += jax.tree.leaves(self.tree_of(np.asarray(array))) if is_wide else [array]
        optimizer = jax.tree.unflatten(jax.tree.structure(self._form.optimizer), leaves)
        return State(self.tree_of(rows), optimizer)

    def _cut(self, rows: Matrix) -> Iterator[Matrix]:
        """The rows of each array, views."""
        return iter(np.split(rows, np.cumsum(self._counts)[:-1]))
