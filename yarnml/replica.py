"""A worker's copy of the learner's state: all copies have the same bits after the same step."""

import math
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from yarnml import code, state
from yarnml.data.scaling import Scaling, identity
from yarnml.data.schema import Rows, Schema
from yarnml.errors import CheckpointError
from yarnml.held import HeldShards
from yarnml.job import Job
from yarnml.learners.base import Learner, Scores
from yarnml.learners.registry import build_learner
from yarnml.meetings import CatchUp, Standing
from yarnml.program import Program, from_tensors, tensors
from yarnml.tree import Vector

NOWHERE = Standing(-1, 0.0, 0.0)  # without a state


class Replica:
    """The state, with the compiled learner that it belongs to.

    ``step``: the steps behind it, -1 without a state; ``loss`` and ``weight``: the epoch's sums so far.
    ``scaling``: of the features, None before it is known.  ``held``: of the shards, at this state or an earlier one on
    the way here.
    """

    def __init__(self) -> None:
        self.stand(NOWHERE)
        self.scaling: Scaling | None = None
        self.held = HeldShards()
        self.schema: Schema
        self.program: Program
        self._learner: Learner
        self._built = False
        self._state: Any = None

    def build(self, job: Job, schema: Schema) -> None:
        """The learner, compiled, and its first state."""
        code.make_importable(job.environment.files)
        if not self._built:  # who goes back to a checkpoint has compiled everything
            self.schema, self._learner = schema, build_learner(job.learner, schema)
            self._init = jax.jit(self._learner.init)
            self.scaling = self.scaling or identity(schema.width)
            self.program = Program(self._learner, schema, self.scaling, job.training.micro_batch_size)
            self._built = True
        self.program.scaling = self.scaling or self.program.scaling
        self._state = self._init(jax.random.key(job.training.seed))
        self.held.clear()

    def stand(self, there: Standing | CatchUp) -> None:
        """Say where the state is."""
        self.step, self.loss, self.weight = there.step, there.loss, there.weight

    @property
    def standing(self) -> Standing:
        return Standing(self.step, self.loss, self.weight)

    @property
    def parameters(self) -> int:
        """How many numbers the model has."""
        return sum(math.prod(p.shape) for p in jax.tree.leaves(self._learner.parameters(self._state)))

    def map(self, rows: Rows) -> Vector:
        """Sums over one batch."""
        return self.program.map(self._state, rows)

    def map_shard(self, shard: int, rows: Iterable[Rows]) -> Vector:
        """Sums over a whole shard, for a learner that holds; ``rows`` are read where nothing is held of them."""
        total, held = self.program.map_shard(self._state, self.held.take(shard), rows)
        self.held.keep(shard, held)
        return total

    def update(self, total: Vector) -> Scores:
        """Go on to the next state."""
        self._state, scores = self.program.update(self._state, total)
        return scores

    def evaluate(self, rows: Rows) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Predictions and losses of every row of a batch."""
        return self.program.evaluate(self._state, rows)

    def model(self) -> dict[str, npt.NDArray[Any]]:
        """The model's arrays by name; ModelError where one is not finite."""
        return self.program.tensors(self._state)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays by name: what a checkpoint holds, and a peer takes over."""
        return tensors({"scaling": self.scaling, "state": self._state})

    @property
    def digest(self) -> str:
        """Equal for equal states."""
        return state.digest(self.tensors())

    def load(self, arrays: dict[str, npt.NDArray[Any]], where: str) -> None:
        """Take over these arrays; CheckpointError where they are not of this learner."""
        like = {"scaling": self.scaling, "state": self._state}
        try:
            restored = from_tensors(like, arrays)
        except (KeyError, ValueError) as exc:
            raise CheckpointError(f"The state in {where} does not fit this learner: {exc}; use --restart.") from exc
        self.scaling, self._state = Scaling(*map(np.asarray, restored["scaling"])), restored["state"]
        self.program.scaling = self.scaling
        self.held.clear()
