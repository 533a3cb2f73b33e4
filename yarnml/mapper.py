"""The map side: a worker's answer to each command of the master.

A mapper computes `learner.map` for its shards, gives the parts to the exchange, and applies `learner.update` to the
total.  Every mapper holds the same state, to the bit, after every step.
"""

import math
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

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
from yarnml.meetings import (
    Begin,
    Behind,
    Build,
    Built,
    CatchUp,
    Command,
    Done,
    Evaluate,
    Evaluated,
    Export,
    Meeting,
    Prime,
    Regroup,
    Report,
    Restore,
    Save,
    Scale,
    Standing,
    Survey,
    Surveyed,
    Train,
    Trained,
    Written,
    from_ipc,
)
from yarnml.metrics import finish, sums
from yarnml.program import Program, from_tensors, tensors
from yarnml.reducer import StepKey, TooLate
from yarnml.sight import Sight
from yarnml.state import digest, pack, unpack
from yarnml.transport.base import Exchange
from yarnml.tree import Node, Vector, combine

MAX_CLASSES = 10_000
SLOW = 3.0  # times its own pace that a worker waits for the others before it copies their tasks
IDLE_SECONDS = 0.1  # that an idle worker waits before it asks, the first time and again
NOWHERE = (-1, 0.0, 0.0)  # without a state


Spared = Callable[[int, int, bool], int | None]
"""(meeting, step, whether a task that is running may be copied) → a shard of another worker to compute, if any."""


class Mapper:
    """One worker's part of a job.  Not safe for use by several threads."""

    def __init__(self, index: int, exchange: Exchange, sight: Sight, spared: Spared) -> None:
        self._index, self._exchange, self._sight, self._spared = index, exchange, sight, spared
        self._feeds: dict[str, Feed] = {}
        self._meeting: Meeting
        self._begin: Begin
        self._schema: Schema
        self._scaling: Scaling | None = None
        self._learner: Learner
        self._program: Program
        self._built = False
        self._state: Any = None
        self._step, self._loss, self._weight = NOWHERE  # steps behind the state; the epoch's sums so far
        self._recent: deque[float] = deque(maxlen=15)  # seconds that this worker's own tasks of a step took

    def execute(self, meeting: Meeting) -> Report:
        """Carry out one command."""
        self._meeting = meeting
        self._sight.meet(meeting.number)
        self._recent.clear()
        match meeting.command:
            case Begin() as begin:
                return self._take_in(begin)
            case Prime(begin, schema):
                return self._prime(begin, schema)
            case Regroup():
                return Standing(self._step, self._loss, self._weight)
            case CatchUp() as there:
                return self._catch_up(there)
        if not self._shards:
            return self._rest()
        self._exchange.meet(meeting.reducers, len([s for s in meeting.shards.values() if s]))
        try:
            return self._carry_out(meeting.command)
        except TooLate:
            return Behind()

    def _carry_out(self, command: Command) -> Report:
        match command:
            case Survey(schema):
                return self._survey(schema)
            case Scale(schema):
                return self._scale(schema)
            case Build(schema, step, restore):
                return self._build(schema, step, restore)
            case Train() as train:
                return self._train(train)
            case Evaluate(dataset):
                return self._evaluate(dataset)
            case Restore(step, folder):
                return self._restore(step, folder)
            case Save(folder):
                return self._save(folder)
            case Export(folder, about):
                return self._export(folder, about)
        return Done()

    def _rest(self) -> Report:
        """A worker without shards has nothing to do, and keeps no state."""
        self._step, self._loss, self._weight = NOWHERE
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

    def _take_in(self, begin: Begin) -> Report:
        self._begin = begin
        check_devices(begin.job.workers.gpus)
        return Done()

    def _prime(self, begin: Begin, schema: Schema | None) -> Report:
        """Everything that a newcomer can do before it takes part: others shall not wait for it."""
        self._take_in(begin)
        if schema is not None:
            self._prepare(schema)
            if (rows := self._read(0, 0)) is None:
                rows = next(self._feed("train", schema).scan(0))
            self._state, _ = self._program.update(self._state, self._program.map(self._state, rows))
        return Done()

    def _prepare(self, schema: Schema) -> None:
        """The learner, compiled, and its first state."""
        code.make_importable(self._begin.job.environment.files)
        if not self._built:  # who goes back to a checkpoint has compiled everything
            self._schema, self._learner = schema, build_learner(self._begin.job.learner, schema)
            self._init = jax.jit(self._learner.init)
            self._scaling = self._scaling or identity(schema.width)
            self._program, self._built = Program(self._learner, schema, self._scaling), True
        self._program.scaling = self._scaling or self._program.scaling
        self._state = self._init(jax.random.key(self._begin.job.training.seed))

    def _build(self, schema: Schema, step: int, restore: str | None) -> Report:
        self._prepare(schema)
        self._step, self._loss, self._weight = step, 0.0, 0.0
        if restore:
            self._load(read_state(restore), restore)
        if self._leads and self._begin.job.export:
            _ = self._program.stablehlo  # a model that can't be exported is refused before it is trained
        parameters = jax.tree.leaves(self._learner.parameters(self._state))
        steps = self._feed("train", schema).steps(self._begin.job.training.batch_size)
        return Built(sum(math.prod(p.shape) for p in parameters), steps)

    def _restore(self, step: int, folder: str) -> Report:
        self._load(read_state(folder), folder)
        self._step = step
        return Done()

    def _catch_up(self, there: CatchUp) -> Report:
        """Give the state to the others, with shards or without; take it where they are for it."""
        self._take_in(there.begin)
        if self._index == there.source:
            self._exchange.publish(there.step, pack(self._tensors()))
        elif not self._shards:
            return self._rest()
        elif self._step != there.step:
            self._prepare(there.schema)
            self._load(unpack(self._exchange.fetch(there.address, there.step)), there.address)
        self._step, self._loss, self._weight = there.step, there.loss, there.weight
        return Done()

    def _tensors(self) -> dict[str, Any]:
        return tensors({"scaling": self._scaling, "state": self._state})

    def _load(self, arrays: dict[str, Any], where: str) -> None:
        like = {"scaling": self._scaling, "state": self._state}
        try:
            restored = from_tensors(like, arrays)
        except (KeyError, ValueError) as exc:
            raise CheckpointError(f"The state in {where} does not fit this learner: {exc}; use --restart.") from exc
        self._scaling, self._state = Scaling(*map(np.asarray, restored["scaling"])), restored["state"]
        self._program.scaling = self._scaling

    def _train(self, train: Train) -> Report:
        """The steps of one round.  A step's loss is read while the next one is on its way, so nothing waits for it."""
        self._loss, self._weight, before = train.loss, train.weight, train.weight
        clock, pending, updated = Clock("read", "compute", "exchange", "update"), None, 0.0
        for step, batches in ahead(self._batches, range(train.first, train.last)):
            clock.lap("read")
            task = partial(self._map_shard, step, batches)
            leaves = self._map_own(step, task)
            self._sight.batch()
            clock.lap("compute")
            self._note(pending, before)
            total = self._reduce(step, leaves, task)
            clock.lap("exchange")
            self._state, pending = self._program.update(self._state, total)
            self._step = step + 1
            clock.lap("update")
            updated = updated or time.monotonic()
        self._note(pending, before)
        clock.lap("update")
        return Trained(self._loss, self._weight, time.monotonic() - updated, clock.seconds, digest(self._tensors()))

    def _note(self, scores: Any, before: float) -> None:
        """Add up the loss of the newest step; ``before``: the epoch's weight when the round began."""
        if scores is None:
            return
        loss, weight = float(scores.loss), float(scores.weight)
        if not math.isfinite(loss):
            raise ModelError(
                f"The loss is {loss} at step {self._step}. Lower the learning rate or set learner.clip_norm; "
                "with data.scale: none, large or missing feature values do this too."
            )
        self._loss, self._weight = self._loss + loss, self._weight + weight
        self._sight.step(self._step, loss / weight if weight else 0.0, int(self._weight - before))

    def _batches(self, step: int) -> dict[int, Rows | None]:
        return {shard: self._read(step, shard) for shard in self._shards}

    def _read(self, step: int, shard: int) -> Rows | None:
        training = self._begin.job.training
        if training.batch_size == "full":
            return None
        feed = self._feed("train", self._schema)
        steps = feed.steps(training.batch_size)
        epoch, at = divmod(step, steps)
        return feed.batch(shard, training.seed, epoch, at, steps, training.shuffle_rows)

    def _map_shard(self, step: int, batches: dict[int, Rows | None], shard: int) -> Vector:
        rows = batches[shard] if shard in batches else self._read(step, shard)
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
        return Written(write_state(folder, self._tensors()))

    def _export(self, folder: str, about: dict[str, Any]) -> Report:
        if not self._leads:
            return Written({})
        write_model(folder, self._program.tensors(self._state), self._program.stablehlo, about)
        return Written({})

    def _sum_over(self, dataset: str, schema: Schema, batch: Callable[[Rows], Vector]) -> Vector:
        """Σ batch(rows) over all rows of a dataset, in float64: one pass, one exchange."""

        def task(shard: int) -> Vector:
            return self._scan(dataset, schema, shard, batch)

        return self._reduce(0, self._map_own(0, task), task).copy()

    def _scan(self, dataset: str, schema: Schema, shard: int, batch: Callable[[Rows], Vector]) -> Vector:
        total: Any = None
        for rows in self._feed(dataset, schema).scan(shard):
            part = batch(rows).astype(np.float64)
            self._sight.batch()
            total = part if total is None else np.add(total, part, out=total)
        return total

    def _map_own(self, step: int, task: Callable[[int], Vector]) -> dict[int, Vector]:
        """The tasks of this worker's shards, but for those that idle workers have taken off it."""
        self._sight.begin(step)
        began, leaves = time.monotonic(), dict[int, Vector]()
        for shard in self._shards:
            if leaves and shard in self._sight.given(step):
                continue
            leaves[shard] = task(shard)
            self._sight.task()
        self._recent.append(time.monotonic() - began)
        return leaves

    def _reduce(self, step: int, leaves: dict[int, Vector], task: Callable[[int], Vector]) -> Vector:
        """The total over all shards.  Who waits too long for the others computes copies of their tasks."""
        meeting, shards, workers = self._meeting, self._begin.shards, self._begin.job.workers
        several = any(len(run) > 1 for run in meeting.shards.values())
        next_time = IDLE_SECONDS if several else workers.backup_after

        def late(waited: float) -> dict[Node, Vector]:
            nonlocal next_time
            if not workers.backups or waited < next_time:
                return {}
            deadline = max(workers.backup_after, SLOW * median(self._recent))
            shard = self._spared(meeting.number, step, waited >= deadline)
            if shard is None:
                next_time = waited + IDLE_SECONDS if waited > deadline else min(deadline, waited + IDLE_SECONDS)
                return {}
            return {Node(0, shard): task(shard)}

        parts = combine(leaves, shards)
        with self._sight.waiting():
            return self._exchange.reduce(StepKey(meeting.number, step), parts, shards, late)


def check_devices(gpus: int) -> None:
    """Refuse a process that does not see just the GPUs it was given: JAX would quietly compute on the processor."""
    seen = sum(device.platform == "gpu" for device in jax.local_devices())
    if seen != gpus:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise JobFileError(
            f"workers.gpus is {gpus}, but on {socket.gethostname()} JAX sees {seen} GPUs (CUDA_VISIBLE_DEVICES: "
            f"{shown}); a GPU needs the CUDA build of JAX, the extra yarnml[gpu], and NVIDIA's driver on its node."
        )
