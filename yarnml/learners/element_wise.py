"""The update of parts of a model by an element-wise optimizer of optax, as a rule for rows.

A row is a run of numbers of the model, then the strength of their penalty; behind it, what the optimizer keeps of each
number and of the steps.  The last number of a row's sums is the weight of the step's rows.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.data.arrays import Matrix
from yarnml.job.learners.element_wise import ElementWise
from yarnml.learners.gradient import GradientDescent, State, Sums, weight_decay
from yarnml.learners.optimizers import build_optimizer

COMPILER_OPTIONS: dict[str, str | bool] = {"xla_disable_hlo_passes": "algsimp"}
"""With them XLA computes a number alike in an array of any shape, alone or among others.

Else its simplifier divides by a scalar in some programs, and multiplies by its inverse in others: parts of a model
would differ in last digits from the whole.
"""


class ElementWiseRule:
    """A `yarnml.sparse.rules.RowRule`."""

    def __init__(self, options: ElementWise) -> None:
        self.options = options
        self._optimizer = build_optimizer(options.optimizer)
        no_model: Any = None
        self._learner = GradientDescent(no_model, self._optimizer, weight_decay(options.l2))
        self._next = jax.jit(self._update, static_argnums=0, compiler_options=COMPILER_OPTIONS)
        state = jax.eval_shape(self._optimizer.init, jax.ShapeDtypeStruct((2, 3), jnp.float32))
        self._forms = jax.tree.leaves(state)

    @property
    def kept(self) -> list[bool]:
        """Tell of each array that the optimizer keeps whether it has a number for each parameter, or one for all."""
        return [form.shape == (2, 3) for form in self._forms]

    def stored(self, width: int) -> int:
        return width + sum(width - 1 if is_wide else 1 for is_wide in self.kept)

    def first(self, weights: Matrix) -> Matrix:
        state = self._optimizer.init(jnp.asarray(weights[:, :-1]))
        return self.joined(weights, jax.tree.leaves(state))

    def weights(self, rows: Matrix) -> Matrix:
        return rows[:, : self._width(rows)]

    def update(self, rows: Matrix, sums: Matrix) -> Matrix:
        following = np.empty_like(rows)
        penalised = rows[:, self._width(rows) - 1] != 0
        for which in (False, True):
            own = slice(None) if (penalised == which).all() else np.flatnonzero(penalised == which)
            if np.any(penalised == which):
                following[own] = self._updated(rows[own], sums[own], is_penalised=which)
        return following

    def joined(self, weights: Matrix, kept: Sequence[Any]) -> Matrix:
        """Rows of these weights, and of the arrays that the optimizer keeps of them."""
        columns = [weights]
        for array in kept:
            numbers = _as_float32(np.asarray(array))
            columns.append(numbers if numbers.ndim == 2 else np.full((len(weights), 1), numbers))
        return np.concatenate(columns, axis=1)

    def cut(self, rows: Matrix) -> list[npt.NDArray[Any]]:
        """The arrays that the optimizer keeps of some rows: the inverse of `joined`."""
        start = self._width(rows)
        arrays = []
        for form, is_wide in zip(self._forms, self.kept, strict=True):
            end = start + (self._width(rows) - 1 if is_wide else 1)
            numbers = np.ascontiguousarray(rows[:, start:end])
            arrays.append(_of_float32(numbers if is_wide else numbers[0, 0], form.dtype))
            start = end
        return arrays

    def _width(self, rows: Matrix) -> int:
        """The numbers of a row's weights."""
        wide = sum(self.kept)
        return (rows.shape[1] + wide - (len(self.kept) - wide)) // (1 + wide)

    def _updated(self, rows: Matrix, sums: Matrix, *, is_penalised: bool) -> Matrix:
        weights = self.weights(rows)
        name = "weight" if is_penalised else "bias"
        gradient = np.ascontiguousarray(sums[:, :-1])
        parameters, kept = self._next(name, weights[:, :-1], self.cut(rows), gradient, sums[0, -1])
        return self.joined(np.concatenate([parameters, weights[:, -1:]], axis=1), kept)

    def _update(self, name: str, parameters: Any, kept: list[Any], gradient: Any, weight: Any) -> Any:
        """The next parameters and what is kept of them; to be compiled.

        ``name``: by which the learner knows whether they have a penalty.
        """
        named = {name: parameters}
        state = State(named, jax.tree.unflatten(jax.tree.structure(self._optimizer.init(named)), kept))
        state, _ = self._learner.update(state, Sums({name: gradient}, jnp.float32(0), weight))
        return state.parameters[name], jax.tree.leaves(state.optimizer)


def _as_float32(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array of types of up to four bytes as float32; of whole numbers, their bits."""
    return array.view(np.float32) if array.dtype.kind == "i" else array.astype(np.float32, copy=False)


def _of_float32(numbers: Any, kind: Any) -> npt.NDArray[Any]:
    """Undo `_as_float32`."""
    array = np.asarray(numbers)
    return array.view(kind) if np.dtype(kind).kind == "i" else array.astype(kind, copy=False)
