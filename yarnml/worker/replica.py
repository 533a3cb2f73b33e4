"""A worker's copy of the learner's state: all copies have the same bits after the same step."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import msgspec
import numpy as np
import numpy.typing as npt

from yarnml.control.commands import SyncState
from yarnml.control.reports import StatePosition
from yarnml.data.scaling import Scaling, identity, neutral
from yarnml.data.schema import Rows, Schema
from yarnml.errors import CheckpointError
from yarnml.job import user_code
from yarnml.job.spec import Job
from yarnml.learners.base import Learner, Scores
from yarnml.learners.registry import build_learner
from yarnml.reduce.tree import Value, Vector
from yarnml.storage.tensors import digest
from yarnml.worker.program import Program, from_tensors, tensors
from yarnml.worker.shard_cache import ShardCache

NO_STATE = StatePosition(-1, 0.0, 0.0)  # without a state
LEARNERS = 100  # that stay compiled


class Ready(NamedTuple):
    """A learner on a schema, with what is compiled of it so far."""

    learner: Learner
    init: Callable[..., Any]
    program: Program


class Compiled:
    """The learners that a worker has compiled, for other trainings of the same ones; those that were used last."""

    def __init__(self) -> None:
        self._ready: OrderedDict[bytes, Ready] = OrderedDict()

    def learner(self, job: Job, schema: Schema) -> Ready:
        most, gradients = job.training.micro_batch_size, job.training.gradients
        name = msgspec.msgpack.encode((job.learner, schema, most, gradients))
        if name not in self._ready:
            learner = build_learner(job.learner, schema)
            program = Program(learner, schema, most, gradients)
            self._ready[name] = Ready(learner, jax.jit(learner.init), program)
        self._ready.move_to_end(name)
        while len(self._ready) > LEARNERS:
            self._ready.popitem(last=False)
        return self._ready[name]


class Replica:
    """The state of one training, with the compiled learner that it belongs to.

    ``step``: the steps behind it, -1 without a state; ``loss`` and ``weight``: the epoch's sums so far.
    ``scaling``: of the features, None before it is known.  ``held``: of the shards, at this state or an earlier one on
    the way here.
    """

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self.stand(NO_STATE)
        self.scaling: Scaling | None = None
        self._applied: Scaling | None = None  # None where it changes nothing
        self.held = ShardCache()
        self.schema: Schema
        self.program: Program
        self._learner: Learner
        self._state: Any = None

    def build(self, job: Job, schema: Schema) -> None:
        """The learner, compiled, and its first state."""
        user_code.make_importable(job.environment.files)
        self.schema = schema
        self._learner, init, self.program = self._compiled.learner(job, schema)
        self.scaling = self.scaling or identity(schema.width)
        self._applied = None if neutral(self.scaling) else self.scaling
        self._state = init(jax.random.key(job.training.seed))
        self.held.clear()

    def stand(self, there: StatePosition | SyncState) -> None:
        """Say where the state is."""
        self.step, self.loss, self.weight = there.step, there.loss, there.weight

    @property
    def standing(self) -> StatePosition:
        return StatePosition(self.step, self.loss, self.weight)

    @property
    def parameters(self) -> int:
        """How many numbers the model has."""
        return sum(math.prod(p.shape) for p in jax.tree.leaves(self._learner.parameters(self._state)))

    def map(self, rows: Rows) -> Value:
        """Sums over one batch."""
        return self.program.map(self._state, self._applied, rows)

    def map_shard(self, shard: int, rows: Iterable[Rows]) -> Vector:
        """Sums over a whole shard, for a learner that holds; ``rows`` are read where nothing is held of them."""
        total, held = self.program.map_shard(self._state, self._applied, self.held.take(shard), rows)
        self.held.keep(shard, held)
        return total

    def update(self, total: Value) -> Scores:
        """Go on to the next state."""
        self._state, scores = self.program.update(self._state, total)
        return scores

    def evaluate(self, rows: Rows) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Predictions and losses of every row of a batch."""
        return self.program.evaluate(self._state, self._applied, rows)

    def model(self) -> dict[str, npt.NDArray[Any]]:
        """The model's arrays by name; ModelError where one is not finite."""
        assert self.scaling is not None
        return self.program.tensors(self._state, self.scaling)

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays by name: what a checkpoint holds, and a peer takes over."""
        return tensors({"scaling": self.scaling, "state": self._state})

    @property
    def digest(self) -> str:
        """Equal for equal states."""
        return digest(self.tensors())

    def load(self, arrays: dict[str, npt.NDArray[Any]], where: str) -> None:
        """Take over these arrays; CheckpointError where they are not of this learner."""
        like = {"scaling": self.scaling, "state": self._state}
        try:
            restored = from_tensors(like, arrays)
        except (KeyError, ValueError) as exc:
            raise CheckpointError(f"The state in {where} does not fit this learner: {exc}; use --restart.") from exc
        self.scaling, self._state = Scaling(*map(np.asarray, restored["scaling"])), restored["state"]
        self._applied = None if neutral(self.scaling) else self.scaling
        self.held.clear()
