"""A worker's copy of the learner's state: all copies have the same bits after the same step."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from yarnml.control.reports import StatePosition
from yarnml.data.placed import PlacedRows
from yarnml.data.scaling import Scaling, label_of, unless_neutral
from yarnml.data.schema import Rows, Schema
from yarnml.errors import CheckpointError
from yarnml.learners.base import Judged, JudgesOutOfBag, Remarks, Scores
from yarnml.learners.named_arrays import on_host
from yarnml.learners.precision import precision_of
from yarnml.learners.tables.base import TableLearner
from yarnml.learners.units import degree_of
from yarnml.learners.warm_start import Earlier
from yarnml.reduce.owned_table import OwnedTable
from yarnml.reduce.owner_files import PREFIX
from yarnml.reduce.owners import Owners
from yarnml.reduce.tree import Value, Vector
from yarnml.sparse.table import Table
from yarnml.storage.tensors import Packed, digest
from yarnml.worker.compiled_learners import CompiledLearner
from yarnml.worker.judged_rows import in_units
from yarnml.worker.program import Program
from yarnml.worker.recent_states import RecentStates
from yarnml.worker.shard_cache import ShardCache
from yarnml.worker.sharded_program import ShardedProgram, is_in_one_piece, sharded_program
from yarnml.worker.state_arrays import Arrays, started
from yarnml.worker.table_program import TableProgram

_HAS_TABLE = (TableProgram, ShardedProgram)

NO_STATE = StatePosition(-1, 0.0, 0.0)
"""The position of a worker without a state."""


class Replica:
    """The state of one training, with the compiled learner that it belongs to.

    It begins as the learner's first state, from ``seed``, and counts as no state until `move_to` says where it is: a
    state that is only half taken over must never be given to another worker.

    Of a table that other processes own, ``owned``, it has no rows.

    ``states``: the newest one, and others with a delay.  ``applied_scaling``: None for one that changes nothing.
    ``hidden``: the learner alone asked for the scaling, and penalties shall count as if there were none.
    ``delay``: see `RecentStates`.  ``max_age``, ``tracks_keys``: of a table, see `yarnml.sparse.policy.KeyPolicy`.
    ``step``: the steps behind it, -1 without a state; ``loss`` and ``weight``: the epoch's sums so far.
    ``shard_cache``: what a shard learner holds, at this state or an earlier one on the way here.
    """

    def __init__(
        self,
        compiled: CompiledLearner,
        schema: Schema,
        seed: int,
        scaling: Scaling,
        *,
        hidden: bool = False,
        owners: Owners | None = None,
        delay: int = 0,
        max_age: int = 0,
        tracks_keys: bool = False,
    ) -> None:
        self.schema = schema
        self.program: Program | TableProgram | ShardedProgram = compiled.program
        self.shard_cache = ShardCache()
        self._step = NO_STATE.step
        self.loss = NO_STATE.loss
        self.weight = NO_STATE.weight
        self._learner = compiled.learner
        self._compiled = compiled
        self._first_state: Callable[[], Any] = partial(compiled.first_state, schema, seed)
        self.owned: OwnedTable | None = None
        state: Any
        if owners and compiled.element_wise:
            self.program = sharded = sharded_program(compiled)
            self.owned = OwnedTable(sharded.blocks, owners, delay=delay)
            state = sharded.without_rows(self._first_state, self.owned)
        else:
            state = self._first_state()
        if isinstance(compiled.learner, TableLearner):
            policy = replace(state.table.policy, max_age=max_age, tracked=tracks_keys)
            state = state._replace(table=Table(state.table.blocks, policy, delay))
            self.owned = OwnedTable(state.table.blocks, owners, policy, delay) if owners else None
            if self.owned is not None:
                state = state._replace(table=self.owned)
        if hidden and compiled.with_units:
            state = compiled.with_units(state, scaling.factor)
        self.states = RecentStates(state, delay)
        self._scaling = scaling
        self.applied_scaling = unless_neutral(scaling)

    @property
    def _state(self) -> Any:
        """The newest state."""
        return self.states.newest

    @property
    def step(self) -> int:
        return self._step

    @step.setter
    def step(self, step: int) -> None:
        self._step = step
        if self.owned is not None:
            self.owned.step = step

    @property
    def position(self) -> StatePosition:
        return StatePosition(self.step, self.loss, self.weight)

    def move_to(self, position: StatePosition) -> None:
        """Say how many steps the state has behind it, and the epoch's sums up to there."""
        self.step = position.step
        self.loss = position.loss
        self.weight = position.weight

    @property
    def parameter_count(self) -> int:
        """Numbers in the model."""
        if isinstance(self.program, _HAS_TABLE):
            return self.program.size(self._state)
        assert not isinstance(self._learner, TableLearner)
        with precision_of(self._learner):
            parameters = jax.eval_shape(self._learner.parameters, self._state)
        return sum(math.prod(p.shape) for p in jax.tree.leaves(parameters))

    def map(self, rows: Rows, step: int) -> Value:
        """Sums over one batch of a step, at most a delay ahead."""
        return self.program.map(self.states.at(step - self.step), self.applied_scaling, rows)

    def map_shard(self, shard: int, rows: Iterable[Rows | PlacedRows]) -> Vector:
        """Sums over a whole shard, for a shard learner; ``rows`` are read where nothing is held of them."""
        assert isinstance(self.program, Program)
        held = self.shard_cache.take(shard)
        total, held = self.program.map_shard(self._state, self.applied_scaling, held, rows)
        self.shard_cache.keep(shard, held)
        return total

    def out_of_bag(self, shard: int, rows: Iterable[Rows]) -> Judged:
        """Judge the rows of a shard by what was learnt without each, in the units of the label.

        ``rows`` are read where none is held.
        """
        assert isinstance(self.program, Program)
        assert isinstance(self._learner, JudgesOutOfBag)
        state = on_host(self._state)
        held = self.shard_cache.take(shard)
        if held is None:
            held = self.program.hold(state, self.applied_scaling, rows)
        judged = self._learner.out_of_bag(state, held)
        self.shard_cache.keep(shard, held)
        return in_units(judged, self.schema, label_of(self.applied_scaling), degree_of(self._learner))

    def update(self, total: Value) -> Scores:
        """Go on to the next state, by the total of this one's step."""
        state, scores = self.program.update(self._state, total)
        self.states.push(state)
        return self.program.in_label_units(scores, self.applied_scaling)

    def drain(self) -> None:
        """Forget the states that a delay keeps beside the newest one."""
        self.states.drain()

    def evaluate(self, rows: Rows) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Predictions and losses of every row of a batch."""
        return self.program.evaluate(self._state, self.applied_scaling, rows)

    def model(self) -> Arrays:
        """The model's arrays by name; ModelError where one is not finite."""
        return self.program.tensors(self._state, self._scaling)

    def stablehlo(self) -> bytes:
        """The program that predicts with the arrays of `model`."""
        return self.program.stablehlo_of(self._state)

    def table(self) -> Packed | None:
        """The keys of the model and their weights as a file; None where it has none."""
        return self.program.table(self._state) if isinstance(self.program, _HAS_TABLE) else None

    @property
    def remarks(self) -> list[str]:
        """Sentences that a user should be told of the model."""
        if isinstance(self.program, _HAS_TABLE):
            return self.program.remarks(self._state)
        if not isinstance(self._learner, Remarks):
            return []
        return self._learner.remarks(on_host(self._state), self.schema.names, self._scaling.factor)

    def tensors(self) -> Arrays:
        """All arrays by name: the content of a checkpoint, and of what another worker fetches."""
        return self.program.saved(self._state, self._scaling) | self.states.older_tensors()

    @property
    def digest(self) -> str:
        """A digest of all arrays in this process, equal for equal states."""
        if isinstance(self.program, _HAS_TABLE):
            return self.program.digest(self._state, self._scaling)
        return digest(self.tensors())

    def start_from(self, earlier: Earlier, source: str) -> str:
        """Begin with what fits of an earlier training, and tell what that is; JobFileError where nothing does."""
        program = self.program
        if isinstance(program, ShardedProgram) and self.owned is not None:
            first, content = started(self._learner, self._first_state(), earlier, source)
            self.states.newest = program.without_rows(lambda: first, self.owned)
        else:
            first, content = started(self._learner, self._state, earlier, source)
            self.states.newest = first
        self._first_state = lambda: first
        return content

    def arrays_of(self, rows: Arrays) -> Arrays:
        """The arrays by which `load` takes over the rows that owners have written."""
        if isinstance(self.program, TableProgram) or self._compiled.element_wise is None:
            return {PREFIX + name: array for name, array in rows.items()}
        return sharded_program(self._compiled).in_one_piece(rows)

    def fill_parts(self, step: int, arrays: Arrays | None) -> None:
        """Give the owners of a state without keys its parts: those of the first one, or of a checkpoint's arrays.

        They have them already where they wrote the checkpoint.
        """
        if not isinstance(self.program, ShardedProgram) or self.owned is None:
            return
        if arrays is None or is_in_one_piece(arrays):
            self.owned.set_rows(step, self.program.rows(self._first_state(), self._scaling, arrays))

    def load(self, arrays: Arrays, source: str) -> None:
        """Take over these arrays; CheckpointError, which names their source, where they are not of this learner."""
        try:
            state, self._scaling = self.program.loaded(self._state, self._scaling, arrays)
            self.states.load(state, arrays)
        except (KeyError, ValueError) as exc:
            raise CheckpointError(f"The state in {source} does not fit this learner: {exc}; use --restart.") from exc
        self.applied_scaling = unless_neutral(self._scaling)
        self.shard_cache.clear()
