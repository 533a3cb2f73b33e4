"""The map side: a worker's answer to each command of the master.

A mapper computes `learner.map` for its shards, gives the parts to the exchange, and applies `learner.update` to the
total.  Every mapper holds the same state, to the bit, after every step.
"""

import math
import os
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

import jax
import numpy as np

from yarnml import code
from yarnml.checkpoint import read_state, write_state
from yarnml.clock import Clock
from yarnml.data.ahead import ahead
from yarnml.data.feed import Feed
from yarnml.data.scaling import Scaling, identity, moments, standard
from yarnml.data.schema import Rows, Schema, distinct
from yarnml.errors import CheckpointError, DataError, JobFileError, ModelError
from yarnml.export import write_model
from yarnml.job import size_in_bytes
from yarnml.learners.base import Learner
from yarnml.learners.registry import build_learner
from yarnml.messages import (
    Begin,
    Build,
    Built,
    Done,
    Evaluate,
    Evaluated,
    Export,
    Meeting,
    Report,
    Restore,
    Save,
    Scale,
    Survey,
    Surveyed,
    Train,
    Trained,
    Written,
    from_ipc,
)
from yarnml.metrics import finish, sums
from yarnml.program import Program, from_tensors, tensors
from yarnml.reducer import StepKey
from yarnml.transport.base import Exchange
from yarnml.tree import Vector, combine

MAX_CLASSES = 10_000


class Sight(Protocol):
    """Is told how a worker gets on."""

    def step(self, step: int, loss: float, rows: int) -> None:
        """A step is finished: its number, its mean loss, the rows since the round began."""

    def batch(self) -> None:
        """A batch is mapped."""


class Mapper:
    """One worker's part of a job.  Not safe for use by several threads."""

    def __init__(self, index: int, exchange: Exchange, sight: Sight) -> None:
        self._index, self._exchange, self._sight = index, exchange, sight
        self._feeds: dict[str, Feed] = {}
        self._meeting: Meeting
        self._begin: Begin
        self._schema: Schema
        self._scaling: Scaling
        self._learner: Learner
        self._program: Program
        self._built = False
        self._state: Any = None

    def execute(self, meeting: Meeting) -> Report:
        """Carry out one command.  A worker without shards has nothing to do."""
        self._meeting = meeting
        if isinstance(meeting.command, Begin):
            self._begin = meeting.command
            check_devices(self._begin.job.workers.gpus)
            return Done()
        if not self._shards:
            return Done()
        self._exchange.meet(meeting.reducers, len([s for s in meeting.shards.values() if s]))
        match meeting.command:
            case Survey(schema):
                return self._survey(schema)
            case Scale(schema):
                return self._scale(schema)
            case Build(schema, restore):
                return self._build(schema, restore)
            case Train(first, last):
                return self._train(first, last)
            case Evaluate(dataset):
                return self._evaluate(dataset)
            case Restore(folder):
                return self._restore(folder)
            case Save(folder):
                return self._save(folder)
            case Export(folder, about):
                return self._export(folder, about)
        return Done()

    @property
    def _shards(self) -> list[int]:
        return self._meeting.shards.get(self._index, [])

    @property
    def _leads(self) -> bool:
        """One worker with shards writes for all."""
        return self._index == min(w for w, shards in self._meeting.shards.items() if shards)

    def _feed(self, dataset: str, schema: Schema) -> Feed:
        if dataset not in self._feeds:
            begin = self._begin
            stored = from_ipc(begin.stored[dataset])
            cache = size_in_bytes(begin.job.workers.cache) // len(begin.datasets)
            self._feeds[dataset] = Feed(begin.datasets[dataset], stored, schema, begin.shards, cache)
        return self._feeds[dataset]

    def _survey(self, schema: Schema) -> Report:
        labels: set[Any] = set()
        feed = Feed(self._begin.datasets["train"], from_ipc(self._begin.stored["train"]), schema, self._begin.shards, 0)
        for shard in self._shards:
            for table, url in feed.tables(shard, [schema.label]):
                labels |= distinct(table, schema, url)
                if len(labels) > MAX_CLASSES:
                    raise DataError(
                        f"Label '{schema.label}' has more than {MAX_CLASSES} different values; "
                        "if it is a number to predict, set data.label_type: number."
                    )
        return Surveyed(list(labels))

    def _scale(self, schema: Schema) -> Report:
        self._scaling = standard(self._sum_over("train", schema, moments), schema)
        return Done()

    def _build(self, schema: Schema, restore: str | None) -> Report:
        code.make_importable(self._begin.job.environment.files)
        if not self._built:
            self._schema, self._learner = schema, build_learner(self._begin.job.learner, schema)
        if self._begin.job.data.scale == "none" or restore:
            self._scaling = identity(schema.width)
        self._state = jax.jit(self._learner.init)(jax.random.key(self._begin.job.training.seed))
        if restore:
            self._load(restore)
        if not self._built:  # who goes back to a checkpoint has compiled everything
            self._program, self._built = Program(self._learner, schema, self._scaling), True
        if self._leads and self._begin.job.export:
            _ = self._program.stablehlo  # a model that can't be exported is refused before it is trained
        parameters = jax.tree.leaves(self._learner.parameters(self._state))
        steps = self._feed("train", schema).steps(self._begin.job.training.batch_size)
        return Built(sum(math.prod(p.shape) for p in parameters), steps)

    def _restore(self, folder: str) -> Report:
        self._load(folder)
        return Done()

    def _load(self, folder: str) -> None:
        like = {"scaling": self._scaling, "state": self._state}
        try:
            restored = from_tensors(like, read_state(folder))
        except (KeyError, ValueError) as exc:
            raise CheckpointError(f"The state in {folder} does not fit this learner: {exc}; use --restart.") from exc
        self._scaling, self._state = Scaling(*map(np.asarray, restored["scaling"])), restored["state"]

    def _train(self, first: int, last: int) -> Report:
        """The steps of one round.  A step's loss is read while the next one is on its way, so nothing waits for it."""
        loss = weight = 0.0
        clock, pending, updated = Clock("read", "compute", "exchange", "update"), None, 0.0
        for step, batches in ahead(self._batches, range(first, last)):
            clock.lap("read")
            leaves = {shard: self._map_shard(shard, rows) for shard, rows in batches.items()}
            self._sight.batch()
            clock.lap("compute")
            if pending is not None:
                loss, weight = self._note(step - 1, pending, loss, weight)
            total = self._reduce(step, leaves)
            clock.lap("exchange")
            self._state, pending = self._program.update(self._state, total)
            clock.lap("update")
            updated = updated or time.monotonic()
        loss, weight = self._note(last - 1, pending, loss, weight)
        clock.lap("update")
        return Trained(loss, weight, time.monotonic() - updated, clock.seconds)

    def _note(self, step: int, scores: Any, loss: float, weight: float) -> tuple[float, float]:
        at, rows = float(scores.loss), float(scores.weight)
        if not math.isfinite(at):
            raise ModelError(
                f"The loss is {at} at step {step + 1}. Lower the learning rate or set learner.clip_norm; "
                "with data.scale: none, large or missing feature values do this too."
            )
        self._sight.step(step + 1, at / rows if rows else 0.0, int(weight + rows))
        return loss + at, weight + rows

    def _batches(self, step: int) -> dict[int, Rows | None]:
        training = self._begin.job.training
        if training.batch_size == "full":
            return dict.fromkeys(self._shards)
        feed = self._feed("train", self._schema)
        steps = feed.steps(training.batch_size)
        epoch, at = divmod(step, steps)
        return {s: feed.batch(s, training.seed, epoch, at, steps, training.shuffle_rows) for s in self._shards}

    def _map_shard(self, shard: int, rows: Rows | None) -> Vector:
        if rows is not None:
            return self._program.map(self._state, rows)
        return self._scan("train", self._schema, shard, lambda batch: self._program.map(self._state, batch))

    def _evaluate(self, dataset: str) -> Report:
        def batch(rows: Rows) -> Vector:
            return sums(*self._program.evaluate(self._state, rows), rows, self._schema)

        return Evaluated(finish(self._sum_over(dataset, self._schema, batch), self._schema))

    def _save(self, folder: str) -> Report:
        if not self._leads:
            return Written({})
        self._program.tensors(self._state)  # a model that is not finite is no use to continue from
        return Written(write_state(folder, tensors({"scaling": self._scaling, "state": self._state})))

    def _export(self, folder: str, about: dict[str, Any]) -> Report:
        if not self._leads:
            return Written({})
        write_model(folder, self._program.tensors(self._state), self._program.stablehlo, about)
        return Written({})

    def _sum_over(self, dataset: str, schema: Schema, batch: Callable[[Rows], Vector]) -> Vector:
        """Σ batch(rows) over all rows of a dataset, in float64: one pass, one exchange."""
        return self._reduce(0, {s: self._scan(dataset, schema, s, batch) for s in self._shards}).copy()

    def _scan(self, dataset: str, schema: Schema, shard: int, batch: Callable[[Rows], Vector]) -> Vector:
        total: Any = None
        for rows in self._feed(dataset, schema).scan(shard):
            part = batch(rows).astype(np.float64)
            self._sight.batch()
            total = part if total is None else np.add(total, part, out=total)
        return total

    def _reduce(self, step: int, leaves: dict[int, Vector]) -> Vector:
        shards = self._begin.shards
        return self._exchange.reduce(StepKey(self._meeting.number, step), combine(leaves, shards), shards)


def check_devices(gpus: int) -> None:
    """Refuse a process that does not see just the GPUs it was given: JAX would quietly compute on the processor."""
    seen = sum(device.platform == "gpu" for device in jax.local_devices())
    if seen != gpus:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise JobFileError(
            f"workers.gpus is {gpus}, but on {socket.gethostname()} JAX sees {seen} GPUs (CUDA_VISIBLE_DEVICES: "
            f"{shown}); a GPU needs the CUDA build of JAX, the extra yarnml[gpu], and NVIDIA's driver on its node."
        )
