"""A learner as compiled functions over one flat vector: the arithmetic of every step.

The sums leave the device as one vector, flattened inside the compiled function; the total comes back the same way.
Parameters and optimizer state are donated to the update, so that no step copies them.  A shard learner
(`yarnml.learners.base.ShardLearner`) maps on the host instead, a whole shard at a time.
"""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import export

from yarnml.data.arrays import Matrix
from yarnml.data.label_scaling import check_labels, in_label_units, loss_in_label_units, scaled_label
from yarnml.data.placed import PlacedRows
from yarnml.data.scaling import Scaling, identity_of, label_of, scaled
from yarnml.data.schema import Rows, Schema
from yarnml.job.spec import Gradients
from yarnml.learners.accumulation import map_by_parts, sum_by_parts
from yarnml.learners.base import (
    Batch,
    ChangingSums,
    ChecksRows,
    Learner,
    NeedsPlaces,
    Scores,
    ShardLearner,
    ShardState,
    State,
)
from yarnml.learners.local_steps import LocalSteps
from yarnml.learners.named_arrays import finite, on_host, tensors
from yarnml.learners.noise import key_of
from yarnml.learners.precision import compile_for, precision_of
from yarnml.learners.room import without_room
from yarnml.learners.units import degree_of
from yarnml.reduce.tree import Value, Vector
from yarnml.worker.exported import exported
from yarnml.worker.first_call import FirstCall
from yarnml.worker.flattening import Flattening, joined
from yarnml.worker.state_arrays import loaded, saved
from yarnml.worker.updates import Updates
from yarnml.worker.weighted_rows import weighted_rows


class Program:
    """One learner on one schema, compiled.

    It keeps nothing between calls, so trainings of the same learner share it: state and scaling are arguments.  A
    scaling is applied on the device, before the learner; None leaves the features as they are, without arithmetic.

    ``micro_batch_size``: the most rows that are mapped, or evaluated, at once; None for all.
    ``gradients``: their type in the sums.  ``name``: the same in every process that has this program.
    ``keeps_states``: an update leaves the state before it as it was.  ``update_options``: of its compiler.
    ``needs_places``: true for a shard learner that gets its rows as `PlacedRows`.
    """

    def __init__(
        self,
        learner: Learner,
        schema: Schema,
        micro_batch_size: int | None = None,
        gradients: Gradients = "float32",
        *,
        keeps_states: bool = False,
        update_options: dict[str, str | bool] | None = None,
    ) -> None:
        self._learner = learner
        self._shard_learner = learner if isinstance(learner, ShardLearner) else None
        self.needs_places = isinstance(learner, NeedsPlaces) and learner.needs_places
        self._form_at = learner.form_of_sums if isinstance(learner, ChangingSums) else None
        self._check_rows = learner.check if isinstance(learner, ChecksRows) else None
        self._in_loss_units = partial(loss_in_label_units, kind=schema.label_scale, degree=degree_of(learner))
        self._schema = schema
        self._shape = (schema.row_width,) if schema.offset else schema.shape or (schema.width,)
        self._label = jnp.int32 if schema.label_type == "class" else jnp.float32
        self._micro_batch_size = micro_batch_size
        kind = type(learner)
        self.name = f"{kind.__module__}.{kind.__qualname__} {schema.row_width} {schema.outputs} {schema.label_shape}"
        self.init: Callable[..., Any] = FirstCall(compile_for(learner, learner.init), f"{self.name} init")
        self._flattening = Flattening(self.form_of_sums(), gradients)
        self._updates = Updates(learner, self._flattening, self.name, keeps_states=keeps_states, options=update_options)
        self._map = FirstCall(jax.jit(self._map_flat), f"{self.name} map")
        self._evaluate = FirstCall(jax.jit(self._evaluate_rows), f"{self.name} evaluate")
        self._check_predict()

    def prepare(self, rows: Rows) -> Rows:
        """The rows as they are: nothing is to be done with them ahead of their step."""
        return rows

    @property
    def maps_shards(self) -> bool:
        """True for a shard learner: call `map_shard` for it, with what it returned in the pass before."""
        return self._shard_learner is not None

    def map_shard(
        self, state: State, scaling: Scaling | None, held: ShardState | None, rows: Iterable[Rows | PlacedRows]
    ) -> tuple[Vector, ShardState]:
        """Map a whole shard; return its sums, and what to hold of it for the next pass.

        ``held``: what the pass before returned; None reads ``rows``, which are all of the shard.
        """
        assert self._shard_learner is not None
        host_state = state if self._updates.on_host else on_host(state)
        held = self.hold(host_state, scaling, rows) if held is None else held
        sums, held = self._shard_learner.map_shard(host_state, held)
        return joined(sums), held

    def hold(self, state: State, scaling: Scaling | None, rows: Iterable[Rows | PlacedRows]) -> ShardState:
        """Make what a shard learner holds of a shard of these rows; ``state``: of NumPy arrays."""
        assert self._shard_learner is not None
        batches: Any = weighted_rows(rows, scaling, self._schema, self.refuse)
        return self._shard_learner.prepare_shard(state, batches)

    def map(self, state: State, scaling: Scaling | None, rows: Rows) -> Value:
        """Sums over one batch, for a shard learner a shard, as a read-only vector in the device's memory order."""
        if self._shard_learner is not None:
            return self.map_shard(state, scaling, None, [rows])[0]
        self.refuse(rows)
        with precision_of(self._learner):
            return self._flattening.from_device(self._map(state, scaling, rows))

    def update(self, state: State, total: Value) -> tuple[State, Scores]:
        """The next state, by a total that is rounded to the learner's precision; ``state`` is used up, or kept."""
        return self._updates.apply(state, total)

    def in_label_units(self, scores: Scores, scaling: Scaling | None) -> Scores:
        """Scores of an update with the loss in the units of the label, however that was scaled."""
        label = label_of(scaling)
        if label is None:
            return scores
        with precision_of(self._learner):
            return scores._replace(loss=self._in_loss_units(scores.loss, label))

    def evaluate(self, state: State, scaling: Scaling | None, rows: Rows) -> tuple[Matrix, Matrix]:
        """Predictions and losses of every row of a batch."""
        self.refuse(rows)
        with precision_of(self._learner):
            outputs, loss = self._evaluate(self._learner.parameters(state), scaling, rows)
            return np.asarray(outputs, np.float32), np.asarray(loss, np.float32)

    def tensors(self, state: State, scaling: Scaling) -> dict[str, npt.NDArray[Any]]:
        """The model's arrays by name, the scaling among them.  Raises ModelError where one is not finite."""
        with precision_of(self._learner):
            parameters = self._learner.parameters(without_room(self._learner, state))
            return finite(tensors({"parameters": parameters, "scaling": scaling}))

    def saved(self, state: State, scaling: Scaling) -> dict[str, npt.NDArray[Any]]:
        """All arrays of a state by name."""
        return saved(self._learner, state, scaling)

    def loaded(self, state: State, scaling: Scaling, arrays: dict[str, npt.NDArray[Any]]) -> tuple[State, Scaling]:
        """The state and the scaling that were saved as these; KeyError or ValueError where they are not of its form."""
        return loaded(self._learner, state, scaling, arrays)

    @cached_property
    def stablehlo(self) -> bytes:
        """``predict({name: array}, x float32 [n, row_width])`` as a program for any n, on CPU and NVIDIA GPUs.

        Its parameters have the first state's shapes.  Raises ModelError where predict can't be exported so.
        """
        return self._exported(self._form_of_parameters(self._shapes[0]))

    def stablehlo_of(self, state: State) -> bytes:
        """The program `stablehlo` for the parameters of a state, which may have less room than the first one's."""
        form = self._form_of_parameters(without_room(self._learner, state))
        same = jax.tree.leaves(form) == jax.tree.leaves(self._form_of_parameters(self._shapes[0]))
        return self.stablehlo if same else self._exported(form)

    def _form_of_parameters(self, state: State) -> Any:
        with precision_of(self._learner):
            return jax.eval_shape(self._learner.parameters, state)

    def _exported(self, parameters: Any) -> bytes:
        """Predict as a program, for parameters of these shapes."""

        def predict(model: Any, x: jax.Array) -> jax.Array:
            outputs = self._learner.predict(model["parameters"], self._features(model["scaling"], x))
            return in_label_units(outputs, model["scaling"].label, self._schema.label_scale, jnp)

        model = {"parameters": parameters, "scaling": self._shapes[1]}
        shape = *export.symbolic_shape("n"), self._schema.row_width
        with precision_of(self._learner):
            return exported(predict, model, [jax.ShapeDtypeStruct(shape, jnp.float32)])

    def refuse(self, rows: Rows) -> None:
        """Raise DataError for rows that the learner can't take, or whose labels can't be scaled."""
        check_labels(rows, self._schema)
        if self._check_rows:
            self._check_rows(Batch(*rows.arrays))

    def _check_predict(self) -> None:
        """Find what is wrong with predict before any training, not at the first evaluation."""
        state, scaling, rows = self._shapes
        with precision_of(self._learner):
            parameters = jax.eval_shape(self._learner.parameters, state)
            jax.eval_shape(self._evaluate_rows, parameters, scaling, rows)

    @cached_property
    def _shapes(self) -> tuple[Any, Any, Any]:
        """The form of a state, a scaling, and the form of a batch of two rows."""
        with precision_of(self._learner):
            state = jax.eval_shape(self._learner.init, key_of(0))
        label = self._schema.label_shape
        shapes = ((2, self._schema.row_width), jnp.float32), ((2, *label), self._label), ((2,), jnp.float32)
        return state, identity_of(self._schema), Batch(*(jax.ShapeDtypeStruct(*s) for s in shapes))

    def _features(self, scaling: Scaling | None, x: jax.Array) -> jax.Array:
        return scaled(x, scaling, jnp).reshape(x.shape[0], *self._shape)

    def _batch(self, scaling: Scaling | None, rows: Rows | Batch) -> Batch:
        y = scaled_label(jnp.asarray(rows.y), label_of(scaling), self._schema.label_scale, jnp)
        return Batch(self._features(scaling, jnp.asarray(rows.x)), y, jnp.asarray(rows.weight))

    def form_of_sums(self) -> Any:
        """Shapes and types of the sums at the first state.  A shard without rows has them, where nothing tells them."""
        if self._shard_learner is None:
            with precision_of(self._learner):
                return jax.eval_shape(self._map_tree, *self._shapes)
        state = on_host(self.init(key_of(0)))
        if self._form_at:
            return self._form_at(state)
        sums, _ = self._shard_learner.map_shard(state, self._shard_learner.prepare_shard(state, []))
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.float32), sums)

    def _map_tree(self, state: State, scaling: Scaling | None, rows: Rows | Batch) -> Any:
        assert not isinstance(self._learner, ShardLearner)
        max_rows = None if isinstance(self._learner, LocalSteps) else self._micro_batch_size
        return sum_by_parts(partial(self._learner.map, state), self._batch(scaling, rows), max_rows)

    def _map_flat(self, state: State, scaling: Scaling | None, rows: Rows) -> list[jax.Array]:
        return self._flattening.flat(self._map_tree(state, scaling, rows))

    def _evaluate_rows(
        self, parameters: Any, scaling: Scaling | None, rows: Rows | Batch
    ) -> tuple[jax.Array, jax.Array]:
        label = label_of(scaling)

        def outputs_and_losses(batch: Batch) -> tuple[jax.Array, jax.Array]:
            outputs = in_label_units(self._learner.predict(parameters, batch.x), label, self._schema.label_scale, jnp)
            return outputs, self._in_loss_units(self._learner.loss(parameters, batch), label)

        return map_by_parts(outputs_and_losses, self._batch(scaling, rows), self._micro_batch_size)
