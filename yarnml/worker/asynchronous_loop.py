"""The steps of an asynchronous round: take a task, pull weights, map, push sums, without a wait for other workers.

Who computes a task, and which weights owners have just then, hang on how quick each worker is, so models are not equal
to the bit.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

from yarnml.control.commands import Train
from yarnml.control.reports import SumSize, Trained
from yarnml.data.arrays import Array
from yarnml.data.prefetch import prefetch
from yarnml.data.schema import Rows
from yarnml.errors import ModelError
from yarnml.reduce.keyed import KeyedVector
from yarnml.reduce.owners import Owners
from yarnml.reduce.push_wire import TaskForm
from yarnml.reduce.pushed_table import PushedTable, RoundPlan
from yarnml.reduce.tree import sum_of
from yarnml.sparse.table import Table
from yarnml.worker.memory import peak
from yarnml.worker.profiling import PhaseClock, trace_first_steps
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.table_program import TableProgram
from yarnml.worker.tasks import Tasks, size_of
from yarnml.worker.training import Training
from yarnml.worker.training_loop import Batches, advice, bytes_in


class AsynchronousLoop:
    """One worker's part in the steps of a round, whose table and dense parameters are with ``owners``.

    ``worker``: its index.
    """

    def __init__(
        self, train: Train, training: Training, tasks: Tasks, tracker: ProgressTracker, owners: Owners, worker: int
    ) -> None:
        replica = training.replica
        assert isinstance(replica.program, TableProgram), "the job file is refused where its learner has no table"
        assert replica.owned is not None, "owners keep it"
        self._train = train
        self._training = training
        self._replica = replica
        self._program = replica.program
        self._owned = replica.owned
        self._tasks = tasks
        self._tracker = tracker
        self._table = PushedTable(replica.owned, owners, worker, training.job.workers.stall)
        self._sum_size: SumSize | None = None
        self._clock = PhaseClock("read", "compute", "exchange", "update")

    def run(self, traces: Mapping[str, str], after_step: Callable[[], None]) -> Trained:
        """Carry out tasks until those of all workers are done; for the arguments see `TrainingLoop.run`."""
        train = self._train
        program = self._program
        shards = self._tasks.shards
        staleness = self._training.job.training.staleness
        plan = RoundPlan(train.first, train.last, self._tasks.all_shards, staleness)
        done = self._table.begin_round(plan, program.dense, program.dense_numbers(self._replica.states.newest))
        own_steps = [train.first + n for n, column in enumerate(done[shards].T) if not column.all()]
        if own_steps and not program.is_compiled:
            self._compile(own_steps[0])
        began = time.monotonic()
        with closing(prefetch(self._read, own_steps, bytes_in)) as ahead:
            batches = _BatchesInOrder(ahead, self._read_some)
            for task, numbers in trace_first_steps(self._taken(), traces):
                if task.shards:
                    rows = batches.of(task, shards)
                    self._clock.lap("read")
                    self._carry_out(task, numbers, rows)
                    after_step()
        return self._end(task, numbers, time.monotonic() - began)

    def _compile(self, step: int) -> None:
        """Compile before there is a task: its weights would get stale while the compiler works."""
        numbers = self._program.dense_numbers(self._replica.states.newest)
        state = self._program.state_of(numbers, Table(self._owned.blocks, self._owned.policy))
        for rows in self._read_some(step, self._tasks.shards[:1]).values():
            assert rows is not None, "tables learn from batches"
            self._program.map(state, self._replica.applied_scaling, rows)

    def _taken(self) -> Iterator[tuple[TaskForm, Array]]:
        """The tasks of this worker, and the numbers of the dense parameters for each; at last one without shards."""
        while True:
            with self._tracker.wait_for_total():
                task, numbers = self._table.take(self._tasks.shards)
            self._clock.lap("exchange")
            yield task, numbers
            if not task.shards:
                return

    def _read(self, step: int) -> Batches:
        return self._read_some(step, self._tasks.shards)

    def _read_some(self, step: int, shards: Sequence[int]) -> Batches:
        return {shard: self._training.rows_of(step, shard) for shard in shards}

    def _carry_out(self, task: TaskForm, numbers: Array, batches: Batches) -> None:
        """Map a task at the newest weights, and give its sums to the owners."""
        tracker = self._tracker
        tracker.start_step(task.step)
        state = self._program.state_of(numbers, self._table)
        leaves = {}
        for shard in task.shards:
            rows = batches[shard]
            assert rows is not None, "tables learn from batches"
            leaves[shard] = self._program.map(state, self._replica.applied_scaling, rows)
            tracker.finish_task()
            tracker.finish_batch()
        value = sum_of(leaves, self._tasks.all_shards)
        assert isinstance(value, KeyedVector), "it is a sum of a table's learner"
        self._sum_size = self._sum_size or size_of(value)
        loss, weight = map(float, value.dense[:2])
        if not math.isfinite(loss):
            raise ModelError(f"The loss is {loss} at step {task.step}. {advice(self._training.job)}")
        self._clock.lap("compute")
        self._table.push(task, value)
        self._clock.lap("exchange")
        steps = (task.pushed + len(task.shards)) // self._tasks.all_shards
        tracker.finish_step(self._train.first + steps, loss / weight if weight else 0.0, int(task.weight + weight))

    def _end(self, task: TaskForm, numbers: Array, seconds: float) -> Trained:
        """Take over the state after the round.  ``task``: the last one, which has the sums of all."""
        replica = self._replica
        replica.states.newest = self._program.state_of(numbers, self._owned)
        replica.step = self._train.last
        replica.loss = self._train.loss + task.loss
        replica.weight = self._train.weight + task.weight
        self._clock.lap("update")
        leads = self._tasks.leads
        return Trained(
            replica.loss,
            replica.weight,
            seconds,
            self._clock.seconds,
            replica.digest,
            remarks=replica.remarks if leads else [],
            differing=self._owned.differing() if leads else "",
            staleness=task.staleness if leads else None,
            sum_size=self._sum_size,
            memory=peak(),
        )


class _BatchesInOrder:
    """Rows of a worker's own steps, which a thread reads ahead, and of other tasks, which are read when they come.

    ``read``: the rows of some shards at a step.
    """

    def __init__(
        self, ahead: Iterator[tuple[int, Batches]], read: Callable[[int, Sequence[int]], dict[int, Rows | None]]
    ) -> None:
        self._ahead = ahead
        self._read = read
        self._newest: tuple[int, Batches] = (-1, {})

    def of(self, task: TaskForm, own: Sequence[int]) -> Batches:
        """The rows of a task.  ``own``: the shards that are read ahead."""
        if not set(task.shards) <= set(own):
            return self._read(task.step, task.shards)
        while self._newest[0] < task.step:
            self._newest = next(self._ahead)
        step, batches = self._newest
        return batches if step == task.step else self._read(task.step, task.shards)
