"""The steps of one round: read, map, all-reduce, update."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from yarnml.control.commands import Train
from yarnml.control.reports import Trained
from yarnml.data.placed import PlacedRows
from yarnml.data.prefetch import prefetch
from yarnml.data.schema import Rows
from yarnml.errors import ModelError
from yarnml.job.learners import TreeLearner
from yarnml.job.spec import Job
from yarnml.learners.base import Scores
from yarnml.reduce.tree import Value
from yarnml.worker.compression import compression_of
from yarnml.worker.full_pass import sum_shard
from yarnml.worker.memory import peak
from yarnml.worker.placed_rows import placed_rows
from yarnml.worker.profiling import PhaseClock, trace_first_steps
from yarnml.worker.program import Program
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Task, Tasks
from yarnml.worker.training import Training

Batches = dict[int, Rows | None]
"""This worker's shards → the rows of each at one step; None where a step is a full pass."""


class TrainingLoop:
    """One worker's part in the steps of a round.

    ``tasks``: the assignment's, so that other workers can compute copies of late ones.
    """

    def __init__(self, train: Train, training: Training, tasks: Tasks, tracker: ProgressTracker) -> None:
        self._train = train
        self._workers = training.job.workers
        self._advice = advice(training.job)
        self._keeps_rows = training.keeps_rows
        self._loaders = training.loaders
        self._rows_of = training.rows_of
        self._replica = training.replica
        self._delay = training.job.training.delay
        self._residuals = training.residuals
        self._compress = compression_of(training.job.training, training.residuals)
        self._steps_per_epoch = training.loaders.steps(training.replica.schema)
        self._tasks = tasks
        self._tracker = tracker

    def run(self, traces: Mapping[str, str], after_step: Callable[[], None]) -> Trained:
        """Carry out all steps.

        ``traces``: where a trace of the first steps goes, if any is asked for; see `trace_first_steps`.
        ``after_step`` is called after every step, and may raise.
        """
        train = self._train
        replica = self._replica
        replica.loss = train.loss
        replica.weight = train.weight
        replica.shard_cache.serve(self._tasks.shards, self._loaders.cache_bytes)
        self._residuals.keep(self._tasks.shards)
        clock = PhaseClock("read", "compute", "exchange", "update")
        scores: Scores | None = None
        first_update = 0.0
        started: deque[tuple[int, Task]] = deque()  # steps whose totals are on their way
        for step, batches in trace_first_steps(self._steps(), traces):
            clock.lap("read")
            task = partial(self._map_shard, step, batches)
            leaves = self._tasks.map(step, task)
            self._tracker.finish_batch()
            clock.lap("compute")
            self._tasks.start(step, leaves, self._delay)
            started.append((step, task))
            # Without a delay the total is waited for at once; at the end of a round, all of them.
            while len(started) > (self._delay if step + 1 < train.last else 0):
                # The loss of the step before is read only now: on its way from the device, nothing has waited for it.
                self._note(scores)
                scores = self._finish_step(*started.popleft(), clock)
                first_update = first_update or time.monotonic()
                after_step()
        self._note(scores)
        clock.lap("update")
        seconds_after_first = time.monotonic() - first_update
        is_done = bool(scores and scores.done)
        seconds = clock.seconds
        remarks = replica.remarks if self._tasks.leads else []
        differing = replica.owned.differing() if self._tasks.leads and replica.owned else ""
        sums = replica.loss, replica.weight
        return Trained(
            *sums,
            seconds_after_first,
            seconds,
            replica.digest,
            is_done,
            remarks,
            differing,
            sum_size=self._tasks.sum_size,
            memory=peak(),
        )

    def _finish_step(self, step: int, task: Task, clock: PhaseClock) -> Scores:
        """Wait for the total of a step, and update the state by it."""
        total = self._tasks.wait(step, task, self._workers)
        clock.lap("exchange")
        scores = self._replica.update(total)
        self._replica.step = step + 1
        if self._replica.step % self._steps_per_epoch == 0:
            self._replica.drain()
        clock.lap("update")
        return scores

    def _note(self, scores: Scores | None) -> None:
        """Add up the loss of the newest step.  Raises ModelError where it is not a finite number."""
        if scores is None:
            return
        replica = self._replica
        loss = float(scores.loss)
        weight = float(scores.weight)
        if not math.isfinite(loss):
            raise ModelError(f"The loss is {loss} at step {replica.step}. {self._advice}")
        replica.loss += loss
        replica.weight += weight
        rows_of_round = int(replica.weight - self._train.weight)
        self._tracker.finish_step(replica.step, loss / weight if weight else 0.0, rows_of_round)

    def _steps(self) -> Iterable[tuple[int, Batches]]:
        """The steps of the round, with the rows of each: read ahead, but for a learner that reads its shards itself."""
        steps = range(self._train.first, self._train.last)
        maps_shards = self._replica.program.maps_shards
        return ((step, {}) for step in steps) if maps_shards else prefetch(self._read, steps, bytes_in)

    def _read(self, step: int) -> Batches:
        return {shard: self._rows_of(step, shard) for shard in self._tasks.shards}

    def _map_shard(self, step: int, batches: Batches, shard: int) -> Value:
        """Sums of one shard at a step, of this worker or, as a backup task, of another one."""
        replica = self._replica
        if replica.program.maps_shards:
            return replica.map_shard(shard, self._whole_shard(shard))
        rows = batches[shard] if shard in batches else self._loaders.batch(replica.schema, step, shard)
        if rows is None:
            batches_of_shard = self._loaders.loader("train", replica.schema).scan(shard)
            return sum_shard(batches_of_shard, partial(replica.map, step=step), self._tracker.finish_batch)
        return self._compress(replica.map(rows, step), step, shard)

    def _whole_shard(self, shard: int) -> Iterator[Rows | PlacedRows]:
        """All rows of a shard.

        A shard learner holds them in its own form, so the loader keeps them only where other trainings read them, too.
        """
        schema = self._replica.schema
        loader = self._loaders.loader("train", schema)
        is_placed = isinstance(self._replica.program, Program) and self._replica.program.needs_places
        scan = partial(placed_rows, loader, shard, schema) if is_placed else partial(loader.scan, shard)
        for rows in scan(keep=self._keeps_rows):
            yield rows
            self._tracker.finish_batch()


def advice(job: Job) -> str:
    """The words about a loss that is no finite number."""
    descends = job.learner.uses_gradient_descent
    lower = ["Lower the learning rate or set learner.clip_norm"] if descends else []
    may_scale = not job.scales and not isinstance(job.learner, TreeLearner)
    scale = ["Large feature values do this; set data.scale: standard"] if may_scale else []
    return f"{'. '.join([*lower, *scale] or ['Labels or weights are too large for float32; make them smaller'])}."


def bytes_in(batches: Batches) -> int:
    """The bytes of the rows of all shards."""
    return sum(rows.nbytes for rows in batches.values() if rows is not None)
