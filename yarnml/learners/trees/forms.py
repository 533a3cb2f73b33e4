"""The form of the sums of each pass, which its state decides: a pass sends what it is for, and nothing else."""

import math
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.learners.trees import categories, growth, leaves, quantiles, sketch, table
from yarnml.learners.trees.objectives import Objective
from yarnml.learners.trees.rule import Columns, Rule, Size
from yarnml.learners.trees.state import Sums
from yarnml.learners.trees.table import CONSTANTS


class Forms:
    """The forms of the sums of a training.

    ``first_pass``: that grows the first level.  ``places``: in the table of all rows, 0 without one.
    """

    def __init__(
        self, objective: Objective, rule: Rule, columns: Columns, size: Size, first_pass: int, places: int
    ) -> None:
        self._objective = objective
        self._rule = rule
        self._size = size
        self._bounds = first_pass, rule.rounds
        self._places = places
        self._features = len(columns.categorical)
        self._coded = int(columns.categorical.sum())
        self._takes_quantiles = objective.shares is not None

    def of_pass(self, state: Any) -> Sums:
        """Shapes and types of the sums of the pass at a state."""
        passes = int(state.passes)
        is_first = passes == 0
        bins = self._rule.bins
        coded = self._coded if is_first else 0
        cells = sketch.cell_count(bins) if passes < sketch.PASSES else 0
        fields = CONSTANTS if is_first else int(table.gathers(state, *self._bounds))
        features = self._rule.features_per_node or self._features
        return Sums(
            weight=_float32(),
            loss=_float32(),
            targets=_float32(self._objective.targets_count if is_first else 0),
            sketch=_float32(self._features, cells),
            categories=_float32(coded, categories.MAX_CATEGORIES, 1 + len(state.model.base)),
            digits=_float32(2, self._nodes_of_digits(state), quantiles.VALUES),
            distance=_float32(self._objective.trees if self._takes_quantiles and passes == quantiles.DIGITS else 0),
            table=_float32(fields if self._places else 0, self._places),
            histograms=_float32(self._nodes_of_pass(state), features, bins + 1, self._objective.outputs + 1),
        )

    def empty(self, state: Any) -> Sums:
        """Sums of the pass at a state, 0 but for the histograms; they lie in one vector, which can travel as it is."""
        form = self.of_pass(state)
        ends = list(accumulate((math.prod(field.shape) for field in form), initial=0))
        vector = np.empty(ends[-1])
        vector[: ends[-2]] = 0
        return Sums(*(vector[a:b].reshape(field.shape) for (a, b), field in zip(pairwise(ends), form, strict=True)))

    def _nodes_of_digits(self, state: Any) -> int:
        """The nodes whose quantiles a pass counts for; before the first tree the labels count as nodes 0."""
        of_labels = self._takes_quantiles and state.passes < quantiles.DIGITS
        return self._objective.trees * self._size.nodes if of_labels or leaves.waited_for(state, *self._bounds) else 0

    def _nodes_of_pass(self, state: Any) -> int:
        """The nodes that a pass finds splits of, of all trees."""
        first_pass, rounds = self._bounds
        if state.passes < first_pass or state.model.rounds == rounds or table.gathers(state, *self._bounds):
            return 0
        return int(growth.waiting(state.growth, self._size.width).sum())


@cache
def _float32(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)
