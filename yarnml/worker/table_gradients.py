"""The gradient of a learner with tables, in one of two ways.

Where the model is a function of each entry's parameters, JAX gets an array of all entries.  Where it sees the keys of a
row by the sum of their weights alone, JAX gets that sum, and kernels over keys do the rest, in a third of the time.
Arrays of different keys and of entries are padded for JAX, so that a handful of shapes is compiled.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.aligned import empty
from yarnml.data.arrays import Array, Matrix, Places
from yarnml.data.keys import KeyRows
from yarnml.data.label_scaling import LabelScale, scaled_label
from yarnml.data.scaling import Scaling, label_of, scaled
from yarnml.data.schema import Rows
from yarnml.learners.base import Batch
from yarnml.learners.tables.base import Entries, SumModel, TableLearner
from yarnml.reduce.tree import Vector
from yarnml.sparse.gathered import Gathered, Weights, different_keys
from yarnml.sparse.index import Distinct, distinct
from yarnml.sparse.kernels import kernels
from yarnml.sparse.run import Keys
from yarnml.worker.first_call import FirstCall

WeightsOf = Callable[[Keys], Weights]
"""The weights of ascending keys."""


class KeysOfBatch(Protocol):
    """The different ``keys`` of a batch, ascending; ``counts`` [keys]: how often each comes."""

    @property
    def keys(self) -> Keys: ...

    @property
    def counts(self) -> Array: ...

    @property
    def nbytes(self) -> int: ...


class Gradient(NamedTuple):
    """Sums over a batch.

    ``dense``: loss, weight, and the gradient of what belongs to no key.
    ``by_key``: by block, float32 [different keys, width].
    """

    dense: Vector
    by_key: list[Matrix]


class TableGradient(Protocol):
    """The gradient of one learner, compiled."""

    @property
    def is_compiled(self) -> bool:
        """True once sums have been computed."""

    def prepare(self, keys: KeyRows) -> KeysOfBatch:
        """Find the different keys of rows, as `sums` takes them."""

    def sums(self, dense: Any, weights_of: WeightsOf, scaling: Scaling | None, rows: Rows, keys: Any) -> Gradient:
        """The sums over a batch.  ``dense``: parameters that belong to no key."""


class GradientByEntries:
    """JAX sees the parameters of every entry."""

    def __init__(self, learner: TableLearner, name: str, label_scale: LabelScale) -> None:
        self._learner = learner
        self._label_scale = label_scale
        self._gradient = FirstCall(jax.jit(self._sums), f"{name} map")

    @property
    def is_compiled(self) -> bool:
        return self._gradient.is_compiled

    def prepare(self, keys: KeyRows) -> Gathered:
        return different_keys(keys)

    def sums(self, dense: Any, weights_of: WeightsOf, scaling: Scaling | None, rows: Rows, keys: Gathered) -> Gradient:
        needed = keys.with_weights(weights_of)
        sums, by_block = self._gradient(dense, needed.weights, scaling, rows.arrays, entries_of(needed))
        return Gradient(np.asarray(sums), [np.asarray(block)[: len(keys.keys)] for block in by_block])

    def _sums(self, dense: Any, weights: Any, scaling: Any, arrays: Any, entries: Entries) -> tuple[Any, list[Any]]:
        batch = batch_of(scaling, arrays, self._label_scale)
        total = jax.value_and_grad(self._learner.total, argnums=(0, 1))
        loss, (gradient, by_block) = total(dense, weights, batch, entries)
        vector = _in_one(loss, batch, gradient, self._learner)
        return vector, [by_block[block.name] for block in self._learner.blocks]


class SummedKeys(NamedTuple):
    """The different keys of a batch, ascending, and its entries.

    ``offsets``: int64 [rows + 1], the entries of each row; ``values``: float32 [entries], or none where all are 1.
    """

    different: Distinct
    offsets: Places
    values: Vector

    @property
    def keys(self) -> Keys:
        return self.different.keys

    @property
    def counts(self) -> Array:
        return np.bincount(self.different.numbers, minlength=len(self.keys))[self.different.order]

    @property
    def nbytes(self) -> int:
        return self.different.nbytes + self.offsets.nbytes + self.values.nbytes


class GradientBySums:
    """JAX sees the sum of each row's weights: the only block of the model's table, one weight for each key."""

    def __init__(self, learner: TableLearner, model: SumModel, name: str, label_scale: LabelScale) -> None:
        self._learner = learner
        self._label_scale = label_scale
        self._model = model
        self._gradient = FirstCall(jax.jit(self._sums), f"{name} map")

    @property
    def is_compiled(self) -> bool:
        return self._gradient.is_compiled

    def prepare(self, keys: KeyRows) -> SummedKeys:
        values = np.empty(0, np.float32) if keys.values is None else np.require(keys.values, requirements=("C", "W"))
        return SummedKeys(distinct(keys.keys), keys.offsets, values)

    def sums(
        self, dense: Any, weights_of: WeightsOf, scaling: Scaling | None, rows: Rows, keys: SummedKeys
    ) -> Gradient:
        order = keys.different.order
        entries = keys.different.numbers, keys.offsets, keys.values
        weights = np.empty(len(order), np.float32)
        (ascending,) = weights_of(keys.keys).values()
        weights[order] = ascending[:, 0]
        by_row = empty((len(rows.x),), np.float32)
        kernels().row_sums(*entries, weights, by_row)
        sums, slopes = self._gradient(dense, by_row, scaling, rows.arrays)
        by_key = np.zeros(len(order), np.float32)
        kernels().key_sums(*entries, np.array(slopes), by_key)
        return Gradient(np.asarray(sums), [by_key.take(order)[:, None]])

    def _sums(self, dense: Any, by_row: Any, scaling: Any, arrays: Any) -> tuple[Any, Any]:
        batch = batch_of(scaling, arrays, self._label_scale)

        def total(dense: Any, by_row: Any) -> jax.Array:
            score = self._model.score_of_sums(dense, by_row, batch.x)
            return jnp.sum(self._learner.loss_of_score(score, batch) * batch.weight)

        loss, (gradient, slopes) = jax.value_and_grad(total, argnums=(0, 1))(dense, by_row)
        return _in_one(loss, batch, gradient, self._learner), slopes


def gradient_of(learner: TableLearner, name: str, label_scale: LabelScale) -> TableGradient:
    """The quickest way to the gradient of a learner.  ``name``: of its program."""
    model = learner.model
    if isinstance(model, SumModel):
        return GradientBySums(learner, model, name, label_scale)
    return GradientByEntries(learner, name, label_scale)


def batch_of(scaling: Scaling | None, arrays: Any, label_scale: LabelScale) -> Batch:
    """The rows of a batch as a learner sees them, inside a compiled function."""
    x, y, weight = arrays
    return Batch(scaled(x, scaling, jnp), scaled_label(y, label_of(scaling), label_scale, jnp), weight)


def entries_of(needed: Gathered) -> Entries:
    return Entries(needed.place, needed.row, needed.value, needed.field)


def _in_one(loss: jax.Array, batch: Batch, gradient: dict[str, jax.Array], learner: TableLearner) -> jax.Array:
    parts = [gradient[d.name].reshape(-1) for d in learner.dense]
    return jnp.concatenate([jnp.stack([loss, jnp.sum(batch.weight)]), *parts])
