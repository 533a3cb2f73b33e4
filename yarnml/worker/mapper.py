"""The map side: a worker's answer to each command of the master.

A mapper computes `learner.map` for its shards, gives the parts to the exchange, and applies `learner.update` to the
total.  Every mapper holds the same state, to the bit, after every step.
"""

import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from yarnml.checkpoint.store import read_state, write_state
from yarnml.checkpoint.writer import CheckpointWriter
from yarnml.control.commands import (
    Assignment,
    AwaitSave,
    Build,
    Command,
    Evaluate,
    Export,
    FitScaling,
    Initialize,
    ReportPosition,
    Restore,
    Save,
    Survey,
    SyncState,
    Train,
    WarmUp,
)
from yarnml.control.reports import Built, Done, Evaluated, FellBehind, Report, Saved, StatePosition, Surveyed, Trained
from yarnml.data.prefetch import prefetch
from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Rows, Schema
from yarnml.errors import JobFileError, ModelError
from yarnml.job import paths
from yarnml.learners.base import Scores
from yarnml.model.export import write_model
from yarnml.reduce.base import AllReduce
from yarnml.reduce.reducer import StepExpired
from yarnml.reduce.routing import plan_routes
from yarnml.reduce.tree import Value, Vector
from yarnml.storage import tensors
from yarnml.worker.loaders import Loaders
from yarnml.worker.metrics import finish, sums
from yarnml.worker.profiling import Clock, traced
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.replica import NO_STATE, Compiled, Replica
from yarnml.worker.tasks import Spared, Task, Tasks


class Mapper:
    """One worker's part of a job.  Not safe for use by several threads."""

    def __init__(self, index: int, allreduce: AllReduce, tracker: ProgressTracker, spared: Spared) -> None:
        self._index, self._allreduce, self._tracker = index, allreduce, tracker
        self._tasks = Tasks(index, allreduce, tracker, spared)
        self._compiled = Compiled()
        self._loaders, self._replica, self._checkpoint_writer = (
            Loaders(),
            Replica(self._compiled),
            CheckpointWriter(tracker.finish_checkpoint),
        )
        self._assignment: Assignment
        self._begin: Initialize
        self._folder = ""  # of the training that the state belongs to

    def execute(self, assignment: Assignment) -> Report:
        """Carry out one command."""
        self._assignment = assignment
        self._tasks.begin(assignment)
        match assignment.command:
            case Initialize() as begin:
                return self._take_in(begin)
            case WarmUp(begin, schema):
                return self._warm_up(begin, schema)
            case ReportPosition(folder):
                return self._replica.standing if folder == self._folder else NO_STATE
            case SyncState() as there:
                return self._catch_up(there)
        if not self._tasks.shards:
            return self._rest()
        self._allreduce.begin(plan_routes(assignment, self._index))
        try:
            return self._carry_out(assignment.command)
        except StepExpired:
            return FellBehind()

    def _carry_out(self, command: Command) -> Report:
        match command:
            case Survey(schema):
                return Surveyed(self._loaders.survey(schema, self._tasks.shards, self._tracker.finish_batch))
            case FitScaling(schema):
                return self._scale(schema)
            case Build(schema, step, restore):
                return self._build(schema, step, restore)
            case Train() as train:
                return self._train(train)
            case Evaluate(dataset):
                return self._evaluate(dataset)
            case Restore(step, folder):
                return self._restore(step, folder)
            case Save(folder, beside):
                return self._save(folder, beside)
            case AwaitSave():
                return self._checkpoint_writer.finish() or Done()
            case Export(folder, about):
                return self._export(folder, about)
        return Done()

    def _rest(self) -> Report:
        """A worker without shards has nothing to do, and keeps no state."""
        self._replica.stand(NO_STATE)
        return Done()

    @property
    def _leads(self) -> bool:
        """One worker with shards writes for all."""
        return self._index == min(w for w, shards in self._assignment.shards.items() if shards)

    def _take_in(self, begin: Initialize) -> Report:
        """Begin a training, or go on with it: rows and programs are kept from one to the next, the state is not."""
        if begin.folder != self._folder:
            self._checkpoint_writer.drop()
            self._tracker.start_training()
            self._begin, self._folder, self._replica = begin, begin.folder, Replica(self._compiled)
            self._loaders.admit(begin)
            check_devices(begin.job.workers.gpus)
        return Done()

    def _warm_up(self, begin: Initialize, schema: Schema | None) -> Report:
        """Everything that a newcomer can do before it takes part: others shall not wait for it."""
        self._take_in(begin)
        if schema is not None:
            self._make(schema)
            if (rows := self._loaders.batch(schema, 0, 0)) is None:
                rows = next(self._loaders.loader("train", schema).scan(0))
            self._replica.update(self._replica.map(rows))
        return Done()

    def _scale(self, schema: Schema) -> Report:
        self._replica.scaling = standard(self._sum_over("train", schema, moments), schema)
        return Done()

    def _make(self, schema: Schema) -> None:
        """The learner and its first state.  One that holds shards keeps the rows, too, where others will need them."""
        self._replica.build(self._begin.job, schema)
        self._loaders.besides = self._begin.is_search and self._replica.program.maps_shards

    def _build(self, schema: Schema, step: int, restore: str | None) -> Report:
        self._checkpoint_writer.drop()
        self._make(schema)
        self._replica.stand(StatePosition(step, 0.0, 0.0))
        if restore:
            self._replica.load(read_state(restore), restore)
        if self._leads and self._begin.job.export:
            _ = self._replica.program.stablehlo  # a model that can't be exported is refused before it is trained
        return Built(self._replica.parameters, self._loaders.steps(schema))

    def _restore(self, step: int, folder: str) -> Report:
        self._replica.load(read_state(folder), folder)
        self._replica.step = step
        return Done()

    def _catch_up(self, there: SyncState) -> Report:
        """Give the state to the others, with shards or without; take it where they are for it."""
        self._take_in(there.begin)
        if self._index == there.source:
            self._allreduce.publish(there.step, tensors.pack(self._replica.tensors()))
        elif not self._tasks.shards:
            return self._rest()
        elif self._replica.step != there.step:
            self._make(there.schema)
            self._replica.load(tensors.unpack(self._allreduce.fetch(there.address, there.step)), there.address)
        self._replica.stand(there)
        return Done()

    def _train(self, train: Train) -> Report:
        """The steps of one round.  A step's loss is read while the next one is on its way, so nothing waits for it."""
        replica = self._replica
        replica.loss, replica.weight, before = train.loss, train.weight, train.weight
        replica.held.serve(self._tasks.shards, self._loaders.cache)
        clock, pending, updated = Clock("read", "compute", "exchange", "update"), None, 0.0
        trace = paths.trace(str(self._begin.job.checkpoint.path), self._index) if train.profile else None
        for step, batches in traced(prefetch(self._batches, range(train.first, train.last), _bytes), trace):
            clock.lap("read")
            task = partial(self._map_shard, step, batches)
            leaves = self._tasks.map(step, task)
            self._tracker.finish_batch()
            clock.lap("compute")
            self._note(pending, before)
            total = self._tasks.reduce(step, leaves, task, self._begin.job.workers)
            clock.lap("exchange")
            pending = replica.update(total)
            replica.step = step + 1
            clock.lap("update")
            updated = updated or time.monotonic()
            self._checkpoint_writer.check()
        self._note(pending, before)
        clock.lap("update")
        after_first, done = time.monotonic() - updated, bool(pending and pending.done)
        return Trained(replica.loss, replica.weight, after_first, clock.seconds, replica.digest, done)

    def _note(self, scores: Scores | None, before: float) -> None:
        """Add up the loss of the newest step; ``before``: the epoch's weight when the round began."""
        if scores is None:
            return
        replica, loss, weight = self._replica, float(scores.loss), float(scores.weight)
        if not math.isfinite(loss):
            raise ModelError(
                f"The loss is {loss} at step {replica.step}. Lower the learning rate or set learner.clip_norm; "
                "with data.scale: none, large or missing feature values do this too."
            )
        replica.loss, replica.weight = replica.loss + loss, replica.weight + weight
        self._tracker.finish_step(replica.step, loss / weight if weight else 0.0, int(replica.weight - before))

    def _batches(self, step: int) -> dict[int, Rows | None]:
        return {shard: self._loaders.batch(self._replica.schema, step, shard) for shard in self._tasks.shards}

    def _map_shard(self, step: int, batches: dict[int, Rows | None], shard: int) -> Value:
        schema = self._replica.schema
        if self._replica.program.maps_shards:
            return self._replica.map_shard(shard, self._whole(shard))
        rows = batches[shard] if shard in batches else self._loaders.batch(schema, step, shard)
        return self._scan("train", schema, shard, self._replica.map) if rows is None else self._replica.map(rows)

    def _whole(self, shard: int) -> Iterator[Rows]:
        """All rows of a shard, which the learner keeps in its own way, so that the feed need not, but for others."""
        for rows in self._loaders.loader("train", self._replica.schema).scan(shard, keep=self._begin.is_search):
            yield rows
            self._tracker.finish_batch()

    def _evaluate(self, dataset: str) -> Report:
        schema = self._replica.schema

        def batch(rows: Rows) -> Vector:
            return sums(*self._replica.evaluate(rows), rows, schema)

        return Evaluated(finish(self._sum_over(dataset, schema, batch), schema))

    def _save(self, folder: str, beside: bool) -> Report:
        if not self._leads:
            return Done()
        self._replica.model()  # one that is not finite is no use to continue from
        data = tensors.pack(self._replica.tensors())
        if not beside:
            return Saved(folder, write_state(folder, data))
        self._checkpoint_writer.begin(folder, data)
        return Done()

    def _export(self, folder: str, about: dict[str, Any]) -> Report:
        if self._leads:
            write_model(folder, self._replica.model(), self._replica.program.stablehlo, about)
        return Done()

    def _sum_over(self, dataset: str, schema: Schema, batch: Callable[[Rows], Vector]) -> Vector:
        """Σ batch(rows) over all rows of a dataset, in float64: one pass, one exchange."""
        task: Task = partial(self._scan, dataset, schema, batch=batch)
        return self._tasks.reduce(0, self._tasks.map(0, task), task, self._begin.job.workers).astype(np.float64)

    def _scan(self, dataset: str, schema: Schema, shard: int, batch: Callable[[Rows], Value]) -> Vector:
        total: Any = None
        for rows in self._loaders.loader(dataset, schema).scan(shard):
            part = batch(rows).astype(np.float64)
            self._tracker.finish_batch()
            total = part if total is None else np.add(total, part, out=total)
        return total


def _bytes(batches: dict[int, Rows | None]) -> int:
    return sum(rows.nbytes for rows in batches.values() if rows is not None)


def check_devices(gpus: int) -> None:
    """Refuse a process that does not see just the GPUs it was given: JAX would quietly compute on the processor."""
    seen = sum(device.platform == "gpu" for device in jax.local_devices())
    if seen != gpus:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
        raise JobFileError(
            f"workers.gpus is {gpus}, but on {socket.gethostname()} JAX sees {seen} GPUs (CUDA_VISIBLE_DEVICES: "
            f"{shown}); a GPU needs the CUDA build of JAX, the extra yarnml[gpu], and NVIDIA's driver on its node."
        )
