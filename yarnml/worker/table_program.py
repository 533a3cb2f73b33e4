"""A learner with tables as compiled functions: the gradient of the rows that a batch needs, and sums by key.

Keys and tables stay on the host.
"""

from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import export

from yarnml.data.arrays import Array, Matrix
from yarnml.data.keys import KeyRows, no_keys
from yarnml.data.label_scaling import check_labels, in_label_units, loss_in_label_units
from yarnml.data.scaling import Scaling, identity_of, label_of, scaled
from yarnml.data.schema import Rows, Schema
from yarnml.learners.base import Batch, Scores
from yarnml.learners.named_arrays import finite, from_tensors, tensors
from yarnml.learners.noise import key_of
from yarnml.learners.tables.base import Entries, TableLearner, TableState
from yarnml.learners.units import degree_of
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.tree import Value
from yarnml.sparse.base import ParameterTable, described
from yarnml.sparse.block import Block
from yarnml.sparse.dense import DenseRows
from yarnml.sparse.gathered import gather
from yarnml.sparse.run import Run
from yarnml.storage.tensors import Packed, digest, not_finite
from yarnml.worker.exported import exported
from yarnml.worker.first_call import FirstCall
from yarnml.worker.table_gradients import KeysOfBatch, batch_of, entries_of, gradient_of


class TableProgram:
    """One learner with tables on one schema, compiled; it keeps nothing between calls.

    The methods are those of `yarnml.worker.program.Program`.
    """

    maps_shards = False

    def __init__(self, learner: TableLearner, schema: Schema) -> None:
        self._learner = learner
        self._schema = schema
        self._in_loss_units = partial(loss_in_label_units, kind=schema.label_scale, degree=degree_of(learner))
        self.name = f"{type(learner).__module__}.{type(learner).__qualname__} {schema.width} {schema.outputs}"
        self._gradient = gradient_of(learner, self.name, schema.label_scale)
        self._evaluate = FirstCall(jax.jit(self._outputs_and_losses), f"{self.name} evaluate")

    def refuse(self, rows: Rows) -> None:
        """Raise DataError for rows that the learner can't take, or whose labels can't be scaled."""
        check_labels(rows, self._schema)
        if self._learner.check:
            self._learner.check(Batch(*rows.arrays))

    def prepare(self, rows: Rows) -> Rows:
        """Find the different keys of a batch, which hangs on no state."""
        return rows._replace(prepared=self._prepared(rows))

    def _prepared(self, rows: Rows) -> KeysOfBatch:
        return self._gradient.prepare(_counting(rows, self._keys(rows)))

    @property
    def is_compiled(self) -> bool:
        """True once `map` has been called, so that batches of like size wait for no compiler."""
        return self._gradient.is_compiled

    def map(self, state: TableState, scaling: Scaling | None, rows: Rows) -> Value:
        """Sums over one batch: loss, weight and gradient of what belongs to no key; behind them those by key."""
        self.refuse(rows)
        keys = rows.prepared or self._prepared(rows)
        weights_of = partial(state.table.weights, unknown_as_first=True)
        dense, columns = self._gradient.sums(self._learner.parameters(state), weights_of, scaling, rows, keys)
        if not state.table.policy.admits_all:
            columns.append(keys.counts.astype(np.float32)[:, None])
        return KeyedVector(dense, Run(keys.keys, np.concatenate(columns, axis=1)))

    def update(self, state: TableState, total: Value) -> tuple[TableState, Scores]:
        """The next state; the table of ``state`` is changed in place."""
        assert isinstance(total, KeyedVector)
        scores = Scores(*total.dense[:2])
        gradient = {}
        start = 2
        for d in self._learner.dense:
            size = d.size * d.block.width
            gradient[d.name] = total.dense[start : start + size].reshape(d.size, d.block.width)
            start += size
        return self._learner.update(state, gradient, total.run), scores

    @property
    def dense(self) -> list[tuple[Block, int]]:
        """By array of parameters that belong to no key: its form, and how many rows it has."""
        return [(d.block, d.size) for d in self._learner.dense]

    def dense_numbers(self, state: TableState) -> Array:
        """All that a state keeps of these parameters, one array behind the other."""
        arrays = [np.asarray(state.dense[d.name], np.float32).reshape(-1) for d in self._learner.dense]
        return np.concatenate([np.empty(0, np.float32), *arrays])

    def state_of(self, dense_numbers: Array, table: ParameterTable) -> TableState:
        """The state with these numbers and this table."""
        rows = DenseRows(self.dense, dense_numbers).arrays()
        return TableState({d.name: own for d, own in zip(self._learner.dense, rows, strict=True)}, table)

    def in_label_units(self, scores: Scores, scaling: Scaling | None) -> Scores:
        """Scores of an update with the loss in the units of the label, however that was scaled."""
        return scores._replace(loss=self._in_loss_units(scores.loss, label_of(scaling)))

    def evaluate(self, state: TableState, scaling: Scaling | None, rows: Rows) -> tuple[Matrix, Matrix]:
        """Predictions and losses of every row of a batch; keys that have no row contribute nothing, and get none."""
        self.refuse(rows)
        needed = gather(self._keys(rows), partial(state.table.weights, unknown_as_first=False))
        outputs, losses = self._evaluate(
            self._learner.parameters(state), needed.weights, scaling, rows.arrays, entries_of(needed)
        )
        return np.asarray(outputs), np.asarray(losses)

    def size(self, state: TableState) -> int:
        """Numbers in the model."""
        return sum(a.size for a in self._learner.parameters(state).values()) + state.table.size

    def tensors(self, state: TableState, scaling: Scaling) -> dict[str, npt.NDArray[Any]]:
        """The model's arrays that belong to no key, by name.  Raises ModelError where one of any is not finite."""
        if block := state.table.infinite_block:
            raise not_finite(f"table/{block}")
        return finite(tensors({"parameters": self._learner.parameters(state), "scaling": scaling}))

    def table(self, state: TableState) -> Packed:
        """The rows of the model's table as a file: keys, ascending, and their weights by block."""
        return state.table.packed()

    def remarks(self, state: TableState) -> list[str]:
        """A sentence about the size of its table."""
        return described(state.table.parts())

    def digest(self, state: TableState, scaling: Scaling) -> str:
        """A digest of all arrays in this process; rows of a table need not be put in order for it."""
        return f"{digest(tensors({'scaling': scaling, 'state': state.dense}))} {state.table.digest:016x}"

    def stablehlo_of(self, state: TableState) -> bytes:
        """The program `stablehlo`, whose parameters have the same shapes in every state."""
        return self.stablehlo

    def saved(self, state: TableState, scaling: Scaling) -> dict[str, npt.NDArray[Any]]:
        """All arrays of a state by name."""
        table = {f"table/{name}": array for name, array in state.table.arrays().items()}
        return tensors({"scaling": scaling, "state": state.dense}) | table

    def loaded(
        self, state: TableState, scaling: Scaling, arrays: dict[str, npt.NDArray[Any]]
    ) -> tuple[TableState, Scaling]:
        """The state and the scaling that were saved as these; KeyError or ValueError where they are not of its form."""
        tree = from_tensors({"scaling": scaling, "state": state.dense}, arrays)
        tree = jax.tree.map(np.asarray, tree)
        table = {name.removeprefix("table/"): a for name, a in arrays.items() if name.startswith("table/")}
        return TableState(tree["state"], state.table.restored(table)), tree["scaling"]

    @cached_property
    def stablehlo(self) -> bytes:
        """``predict({name: array}, x, rows, index, row, value)`` as a portable program; see docs/models.md.

        For a learner that sees which column each key is of, ``field`` is its last argument.
        """
        state = self._learner.init(key_of(0))
        named = {"parameters": self._learner.parameters(state), "scaling": identity_of(self._schema)}

        def predict(model: Any, x: jax.Array, weights: Any, *numbers: jax.Array) -> jax.Array:
            entries = Entries(*numbers)
            scaling = model["scaling"]
            outputs = self._learner.predict(model["parameters"], weights, scaled(x, scaling, jnp), entries)
            return in_label_units(outputs, scaling.label, self._schema.label_scale, jnp)

        n, u, m = export.symbolic_shape("n, u, m")
        form: Any = jax.ShapeDtypeStruct
        weights = {block.name: form((u, block.width), jnp.float32) for block in self._learner.blocks}
        x = form((n, self._schema.width), jnp.float32)
        numbers = form((m,), jnp.int32)
        entries = [numbers, numbers, form((m,), jnp.float32), *([numbers] if self._schema.fields else [])]
        return exported(predict, named, [x, weights, *entries])

    def _keys(self, rows: Rows) -> KeyRows:
        return rows.keys or no_keys(len(rows.x), with_fields=self._schema.fields)

    def _outputs_and_losses(self, dense: Any, weights: Any, scaling: Any, arrays: Any, entries: Entries) -> Any:
        label = label_of(scaling)
        batch = batch_of(scaling, arrays, self._schema.label_scale)
        outputs = in_label_units(
            self._learner.predict(dense, weights, batch.x, entries), label, self._schema.label_scale, jnp
        )
        return outputs, self._in_loss_units(self._learner.loss(dense, weights, batch, entries), label)


def _counting(rows: Rows, keys: KeyRows) -> KeyRows:
    """The keys of the rows that have a weight: a key of no other row is not touched."""
    weightless = (rows.weight == 0) & (np.diff(keys.offsets) > 0)
    if not weightless.any():
        return keys
    counts = np.repeat(~weightless, np.diff(keys.offsets))
    offsets = np.append(0, np.cumsum(np.where(weightless, 0, np.diff(keys.offsets))))
    return keys.of_entries(offsets, counts)
