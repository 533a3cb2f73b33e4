"""The update of parts of a model by an element-wise optimizer of optax, as a rule for rows.

A row is a run of numbers of the model, then the strength of their penalty; behind it, what the optimizer keeps of each
number and of the steps.  The last number of a row's sums is the weight of the step's rows.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
        return np.asarray(self.joined(weights, jax.tree.leaves(state)))

    def weights(self, rows: Matrix) -> Matrix:
        return rows[:, : self._width(rows)]

    def update(self, rows: Matrix, sums: Matrix, rate: float = 1.0) -> Matrix:
        if not len(rows):
            return rows
        following = self._following(rows, sums)
        if rate != 1:
            width = self._width(rows)
            following[:, :width] = rows[:, :width] + np.float32(rate) * (following[:, :width] - rows[:, :width])
        return following

    def _following(self, rows: Matrix, sums: Matrix) -> Matrix:
        following = np.empty_like(rows)
        penalised = rows[:, self._width(rows) - 1] != 0
        for name, own in (("bias", ~penalised), ("weight", penalised)):
            if own.all():
                return np.array(self._next(name, rows, sums))  # compiled kernels take only what may be written
            if own.any():
                following[own] = self._next(name, rows[own], sums[own])
        return following

    def joined(self, weights: Any, kept: Sequence[Any]) -> Any:
        """Rows of these weights, and of the arrays that the optimizer keeps of them; of NumPy's arrays or JAX's."""
        numbers = [_as_float32(array) for array in kept]
        wide = [array if array.ndim else jnp.broadcast_to(array, (len(weights), 1)) for array in numbers]
        return jnp.concatenate([weights, *wide], axis=1)

    def cut(self, rows: Any) -> list[Any]:
        """The arrays that the optimizer keeps of some rows: the inverse of `joined`."""
        start = self._width(rows)
        arrays = []
        for form, is_wide in zip(self._forms, self.kept, strict=True):
            end = start + (self._width(rows) - 1 if is_wide else 1)
            arrays.append(_of_float32(rows[:, start:end] if is_wide else rows[0, start], form.dtype))
            start = end
        return arrays

    def _width(self, rows: Matrix) -> int:
        """The numbers of a row's weights."""
        wide = sum(self.kept)
        return (rows.shape[1] + wide - (len(self.kept) - wide)) // (1 + wide)

    def _update(self, name: str, rows: Any, sums: Any) -> Any:
        """The next rows; to be compiled.

        ``name``: by which the learner knows whether they have a penalty.
        """
        weights = self.weights(rows)
        named = {name: weights[:, :-1]}
        state = State(named, jax.tree.unflatten(jax.tree.structure(self._optimizer.init(named)), self.cut(rows)))
        state, _ = self._learner.update(state, Sums({name: sums[:, :-1]}, jnp.float32(0), sums[0, -1]))
        following = jnp.concatenate([state.parameters[name], weights[:, -1:]], axis=1)
        return self.joined(following, jax.tree.leaves(state.optimizer))


def _as_float32(array: Any) -> Any:
    """An array of types of up to four bytes as float32; of whole numbers, their bits."""
    array = jnp.asarray(array)
    is_whole = array.dtype.kind == "i"
    return jax.lax.bitcast_convert_type(array, jnp.float32) if is_whole else array.astype(jnp.float32)


def _of_float32(numbers: Any, kind: Any) -> Any:
    """Undo `_as_float32`."""
    is_whole = np.dtype(kind).kind == "i"
    return jax.lax.bitcast_convert_type(jnp.asarray(numbers), kind) if is_whole else numbers.astype(kind)
