"""Gradient descent whose parameters and optimizer state are in other processes, each of which updates its part.

That is ZeRO's first stage (Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models",
SC 2020): gradients are summed part by part, each part is updated once, by its owner, and every worker gets all
parameters before the next step.  The parts are those of a table (`yarnml.reduce.owned_table`), of which every step has
all keys.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.arrays import Matrix
from yarnml.data.scaling import Scaling
from yarnml.data.schema import Rows
from yarnml.job.learners.element_wise import ElementWise
from yarnml.learners.base import Scores
from yarnml.learners.gradient import GradientDescent, State, Sums
from yarnml.learners.named_arrays import from_tensors, tensors
from yarnml.learners.noise import key_of
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.owned_table import OwnedTable
from yarnml.reduce.tree import Value
from yarnml.sparse.block import Block
from yarnml.sparse.run import Run
from yarnml.sparse.stored import BEFORE
from yarnml.storage.tensors import Packed, digest
from yarnml.worker.compiled_learners import CompiledLearner
from yarnml.worker.flattening import Flattening
from yarnml.worker.parameter_rows import BLOCK, ParameterRows
from yarnml.worker.program import Program
from yarnml.worker.state_arrays import OLDER, Arrays, older_states


class ShardedState(NamedTuple):
    """``rest``: what of the state is no part of its table: all but parameters and optimizer."""

    rest: State
    table: OwnedTable


class ShardedProgram:
    """One learner on one schema; the methods are those of `yarnml.worker.program.Program`, which it uses.

    It keeps the parameters of the newest step that was asked for.

    Args:
        program: the learner's, for states that are in one piece.
        options: the rule by which parts are updated.
    """

    maps_shards = False

    def __init__(self, learner: GradientDescent, program: Program, options: ElementWise) -> None:
        self._learner = learner
        self._program = program
        form = jax.eval_shape(learner.init, key_of(0))
        self._rows = ParameterRows(form, options)
        self._ends = np.cumsum([leaf.size for leaf in jax.tree.leaves(form.parameters)])
        self._rest = Flattening(program.form_of_sums()._replace(gradient=None))
        self._parameters: tuple[int, Any] = (-1, None)
        self.refuse = program.refuse
        self.prepare = program.prepare
        self.in_label_units = program.in_label_units
        self._follow = jax.jit(self._followed)

    @property
    def blocks(self) -> list[Block]:
        """Those of the rows of its table."""
        return [self._rows.block]

    @property
    def stablehlo(self) -> bytes:
        return self._program.stablehlo

    def stablehlo_of(self, state: ShardedState) -> bytes:
        """The program `stablehlo`, whose parameters have the same shapes in every state."""
        return self.stablehlo

    def map(self, state: ShardedState, scaling: Scaling | None, rows: Rows) -> Value:
        """Sums over one batch: loss, weight and statistics; behind them the gradient, row by row."""
        flat = self._program.map(self._whole(state), scaling, rows)
        assert isinstance(flat, np.ndarray), "gradients of fewer bytes are refused"
        *gradient, rest = np.split(flat, self._ends)
        weight = rest[1]  # behind the loss
        return KeyedVector(rest.copy(), Run(self._rows.keys, self._rows.rows_of(gradient, last=weight)))

    def update(self, state: ShardedState, total: Value) -> tuple[ShardedState, Scores]:
        """The next state; the owners have updated their parts before they gave the total."""
        assert isinstance(total, KeyedVector)
        rest, scores = self._follow(state.rest, total.dense)
        state.table.update(total.run)
        return ShardedState(rest, state.table), scores

    def evaluate(self, state: ShardedState, scaling: Scaling | None, rows: Rows) -> tuple[Matrix, Matrix]:
        """Predictions and losses of every row of a batch."""
        return self._program.evaluate(self._whole(state), scaling, rows)

    def size(self, state: ShardedState) -> int:
        """Numbers in the model."""
        statistics = jax.tree.leaves(state.rest.statistics)
        return int(self._ends[-1]) + sum(leaf.size for leaf in statistics)

    def tensors(self, state: ShardedState, scaling: Scaling) -> Arrays:
        """The model's arrays by name, the scaling among them.  Raises ModelError where one is not finite."""
        return self._program.tensors(self._whole(state), scaling)

    def table(self, state: ShardedState) -> Packed | None:
        """Nothing: a model has its parameters as arrays."""
        return None

    def remarks(self, state: ShardedState) -> list[str]:
        """A sentence about the parts of the state."""
        parts = state.table.parts()
        sizes = [part.nbytes / 2**20 for part in parts]
        size = f"{max(sizes):.1f} MiB" if len(sizes) == 1 else f"{min(sizes):.1f} to {max(sizes):.1f} MiB"
        return [f"parameters and optimizer state were in {len(parts)} parts of {size}"]

    def digest(self, state: ShardedState, scaling: Scaling) -> str:
        """A digest of all arrays in this process."""
        return digest(self.saved(state, scaling))

    def saved(self, state: ShardedState, scaling: Scaling) -> Arrays:
        """All arrays in this process by name."""
        return tensors({"scaling": scaling, "state": state.rest})

    def loaded(self, state: ShardedState, scaling: Scaling, arrays: Arrays) -> tuple[ShardedState, Scaling]:
        """The state and the scaling that were saved as these; KeyError or ValueError where they are not of its form."""
        tree = from_tensors({"scaling": scaling, "state": state.rest}, arrays)
        self._parameters = (-1, None)
        return ShardedState(tree["state"], state.table), jax.tree.map(np.asarray, tree["scaling"])

    def without_rows(self, first_state: Callable[[], State], table: OwnedTable) -> ShardedState:
        """The first state, whose rows are in a table."""
        return ShardedState(jax.jit(lambda: first_state()._replace(parameters=None, optimizer=None))(), table)

    def rows(self, state: State, scaling: Scaling, arrays: Arrays | None) -> Run:
        """The rows of its table for a first state, or for one in one piece that was saved as these arrays.

        Beside them are those of the older states among these.
        """
        states = [state]
        if arrays is not None:
            newest, _ = self._program.loaded(state, scaling, arrays)
            states = [newest, *older_states(newest, arrays)]
        return Run(self._rows.keys, np.concatenate([self._rows.stored(state) for state in states], axis=1))

    def in_one_piece(self, rows: Arrays) -> Arrays:
        """The arrays by name of a state that is in one piece, and of older ones, as far as a table's rows have them."""
        states = {"state": self._rows.restored(rows[BLOCK])}
        named = [(name.split("/"), array) for name, array in rows.items() if name.startswith(BEFORE)]
        older = {age: self._rows.restored(array) for (_, age, name), array in named if name == BLOCK}
        return tensors(states | ({OLDER: older} if older else {}))

    def _followed(self, rest: State, dense: Any) -> tuple[State, Scores]:
        """The next state but for its rows, by the sums that belong to none; to be compiled."""
        sums: Sums = self._rest.sums([dense])
        return self._learner.followed(rest, sums), Scores(sums.loss, sums.weight)

    def _whole(self, state: ShardedState) -> State:
        """The state as the learner's functions take it, without what the optimizer keeps."""
        step, parameters = self._parameters
        if step != state.table.step:
            rows = state.table.weights(self._rows.keys, unknown_as_first=False)[BLOCK]
            parameters = jax.tree.map(jnp.asarray, self._rows.tree_of(rows))
            self._parameters = (state.table.step, parameters)
        return state.rest._replace(parameters=parameters)


def sharded_program(compiled: CompiledLearner) -> ShardedProgram:
    """The program of a learner whose state is cut into parts."""
    assert isinstance(compiled.learner, GradientDescent), "the job file is refused where its learner does not descend"
    assert isinstance(compiled.program, Program), "it has no table"
    assert compiled.element_wise is not None, "the job file is refused where its optimizer is none"
    return ShardedProgram(compiled.learner, compiled.program, compiled.element_wise)


def is_in_one_piece(arrays: Arrays) -> bool:
    """Tell whether a checkpoint's arrays have the parameters, too: owners have not written them."""
    return any(name.startswith("state/parameters") for name in arrays)
