"""The map side: a worker's answer to each command of the master.

A mapper computes `learner.map` for its shards, gives the parts to the all-reduce, and applies `learner.update` to the
total.  Every mapper holds the same state, to the bit, after every step.
"""

from typing import assert_never

from msgspec.structs import replace

from yarnml.control.commands import (
    Assignment,
    AwaitSave,
    Build,
    Calibrate,
    Check,
    Command,
    CountRows,
    Evaluate,
    Export,
    FitScaling,
    Idle,
    Initialize,
    ReportPosition,
    Restore,
    Save,
    Stop,
    Survey,
    SyncState,
    Train,
    WarmUp,
)
from yarnml.control.reports import Built, Done, FellBehind, Report, StatePosition, Surveyed
from yarnml.control.scoring import RowsCommand
from yarnml.data.schema import Schema
from yarnml.errors import YarnmlError
from yarnml.job.learners import TreeLearner
from yarnml.reduce.base import AllReduce
from yarnml.reduce.owned_table import kept_parts
from yarnml.reduce.reducer import StepExpired
from yarnml.reduce.routing import plan_routes
from yarnml.reduce.tree import Vector
from yarnml.storage import tensors
from yarnml.worker.asynchronous_loop import AsynchronousLoop
from yarnml.worker.compiled_learners import CompiledLearners
from yarnml.worker.devices import check_devices
from yarnml.worker.evaluation import answer
from yarnml.worker.full_pass import BatchSum, sum_dataset
from yarnml.worker.loaders import RowCaches
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.replica import NO_STATE
from yarnml.worker.residual_transfer import ResidualTransfer
from yarnml.worker.rows_commands import answer_about_rows
from yarnml.worker.saved_state import SavedState
from yarnml.worker.scaling_fit import fit_scaling
from yarnml.worker.tasks import RequestShard, Tasks
from yarnml.worker.training import Training
from yarnml.worker.training_loop import TrainingLoop

_FOR_ALL_WORKERS = Initialize | WarmUp | ReportPosition | SyncState
"""Commands that a worker without shards carries out, too.  They sum nothing, so they need no routes to reducers."""


class Mapper:
    """One worker's part of a job.  Not safe for use by several threads.

    Of a training that ends, decoded rows and compiled learners stay for the next one; all else is in `Training`.

    ``request_backup``: asks the master for a shard of another worker to compute.
    ``learners``: those that this process has compiled before; None where it has not.
    """

    def __init__(
        self,
        index: int,
        allreduce: AllReduce,
        tracker: ProgressTracker,
        request_backup: RequestShard,
        learners: CompiledLearners | None = None,
    ) -> None:
        self._index = index
        self._allreduce = allreduce
        self._tracker = tracker
        self._request_backup = request_backup
        self._residuals = ResidualTransfer(allreduce)
        self._saved = SavedState(tracker.finish_checkpoint, self._residuals)
        self._row_caches = RowCaches()
        self._learners = learners or CompiledLearners()
        self._training: Training | None = None

    def execute(self, assignment: Assignment) -> Report:
        """Carry out one command.  Raises YarnmlError for one that must not come yet."""
        self._tracker.start_assignment(assignment.generation)
        tasks = Tasks(assignment, self._index, self._allreduce, self._tracker, self._request_backup)
        if not isinstance(assignment.command, _FOR_ALL_WORKERS):
            if not tasks.shards:
                return self._rest()
            owners = [part.owner for part in self._training.parts] if self._training else []
            self._allreduce.begin(plan_routes(assignment, self._index)._replace(owners=owners))
        if self._allreduce.owners:
            self._allreduce.owners.generation = assignment.generation
        try:
            return self._answer(assignment.command, tasks)
        except StepExpired:
            return FellBehind()

    def _answer(self, command: Command, tasks: Tasks) -> Report:
        if isinstance(command, RowsCommand):
            return answer_about_rows(command, tasks, self._tracker)
        match command:
            case Initialize():
                self._start(command)
            case WarmUp(initialize, schema):
                self._warm_up(initialize, schema)
            case ReportPosition(folder, has_owners):
                owners = self._allreduce.owners if has_owners and tasks.leads else None
                held = self._training.held_by(tasks.addresses.values()) if self._training else set()
                asked = [*tasks.reducers, *sorted(held - {*tasks.reducers})]
                kept = kept_parts(owners, asked, folder) if owners else {}
                return replace(self._position(folder), kept=kept)
            case SyncState():
                self._sync(command, tasks)
            case Survey(schema):
                return self._survey(schema, tasks)
            case FitScaling(schema):
                self._fit_scaling(schema, tasks)
            case Build():
                return self._build(command, tasks)
            case Check(dataset):
                self._check(dataset, tasks)
            case Train():
                return self._train(command, tasks)
            case Evaluate() | Calibrate() | CountRows():
                return answer(command, self._current, tasks, self._tracker)
            case Restore(step, folder):
                self._saved.restore(self._current, step, folder, tasks)
                self._current.replica.step = step
            case Save():
                return self._saved.save(self._current, command, tasks)
            case AwaitSave():
                return self._saved.finish()
            case Export(folder, about):
                if tasks.leads:
                    self._saved.export(self._current.replica, folder, about)
            case Stop() | Idle():
                pass
            case _:
                assert_never(command)
        return Done()

    @property
    def _current(self) -> Training:
        """The training that has begun.  Raises YarnmlError where none has."""
        if self._training is None:
            raise YarnmlError(f"Worker {self._index} knows of no training yet: Initialize must come first.")
        return self._training

    def _start(self, initialize: Initialize) -> Training:
        """Begin the training of this folder, unless it is the current one."""
        if self._training is None or self._training.folder != initialize.folder:
            self._saved.drop()
            self._tracker.start_training()
            check_devices(initialize.job.workers.gpus)
            self._training = Training(initialize, self._row_caches, self._learners)
        return self._training

    def _rest(self) -> Report:
        """Do nothing: a worker without shards keeps no state, since it takes no part in the updates."""
        if self._training is not None:
            self._training.give_up_state()
        return Done()

    def _warm_up(self, initialize: Initialize, schema: Schema | None) -> None:
        """Prepare all that a newcomer can before it takes part, so that the other workers need not wait for it."""
        training = self._start(initialize)
        if schema is not None:
            training.warm_up(schema)

    def _position(self, folder: str) -> StatePosition:
        """The position in the training of this folder; a state of another training counts as none."""
        training = self._training
        return training.position if training is not None and training.folder == folder else NO_STATE

    def _sync(self, sync: SyncState, tasks: Tasks) -> None:
        """Publish the state where this worker is the source; fetch it where its own is another one."""
        training = self._start(sync.begin)
        training.parts = sync.parts
        if self._allreduce.owners:
            self._allreduce.owners.parts = sync.parts
        self._residuals.offer(training.residuals, sync.step, sync.residuals.keys() - tasks.shards)
        if self._index == sync.source:
            self._allreduce.publish(sync.step, tensors.pack(training.replica.tensors()))
        elif not tasks.shards:
            self._rest()
            return
        elif training.position.step != sync.step:
            replica = training.build(sync.schema, self._allreduce.owners)
            replica.load(tensors.unpack(self._allreduce.fetch(sync.address, sync.step)), sync.address)
        self._residuals.take(training.residuals, sync.step, sync.residuals, tasks.shards)
        training.replica.move_to(StatePosition(sync.step, sync.loss, sync.weight))
        if training.replica.owned is not None and tasks.leads:
            training.replica.owned.resume(training.folder, sync.step, sync.kept)

    def _survey(self, schema: Schema, tasks: Tasks) -> Report:
        return Surveyed(self._current.loaders.survey(schema, tasks.shards, self._tracker.finish_batch))

    def _fit_scaling(self, schema: Schema, tasks: Tasks) -> None:
        def sum_rows(function: BatchSum, step: int) -> Vector:
            return self._sum_dataset("train", schema, function, tasks, step)

        self._current.scaling = fit_scaling(schema, sum_rows, features=self._current.job.scales)

    def _build(self, build: Build, tasks: Tasks) -> Report:
        training = self._current
        self._saved.drop()
        training.place_table(tasks.reducers if self._allreduce.owners else [])
        content, restored = training.begin(build, self._allreduce.owners)
        replica = training.replica
        self._saved.restore(training, build.step, restored, tasks)
        replica.move_to(StatePosition(build.step, 0.0, 0.0))
        options = training.job.learner
        changes_form = isinstance(options, TreeLearner) and not options.file  # so it is exported at the end alone
        if tasks.leads and training.job.export and not changes_form:
            _ = replica.program.stablehlo  # a model that can't be exported is refused before it is trained
        return Built(replica.parameter_count, training.loaders.steps(build.schema), content, training.parts)

    def _check(self, dataset: str, tasks: Tasks) -> None:
        """Decode this worker's shards of a dataset, which may stay in the cache for the first evaluation."""
        replica = self._current.replica
        loader = self._current.loaders.loader(dataset, replica.schema)
        for shard in tasks.shards:
            for rows in loader.scan(shard):
                replica.program.refuse(rows)
                self._tracker.finish_batch()

    def _train(self, train: Train, tasks: Tasks) -> Report:
        training = self._current
        traces = training.traces(self._index) if train.profile else {}
        owners = self._allreduce.owners
        loop: AsynchronousLoop | TrainingLoop
        if owners and training.job.training.consistency == "asynchronous":
            loop = AsynchronousLoop(train, training, tasks, self._tracker, owners, self._index)
        else:
            loop = TrainingLoop(train, training, tasks, self._tracker)
        return loop.run(traces, after_step=self._saved.check)

    def _sum_dataset(self, dataset: str, schema: Schema, function: BatchSum, tasks: Tasks, step: int = 0) -> Vector:
        training = self._current
        scan = training.loaders.loader(dataset, schema).scan
        return sum_dataset(scan, function, tasks, training.job.workers, self._tracker.finish_batch, step)
