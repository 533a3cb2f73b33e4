"""The rounds of steps of one training: train, evaluate, save, stop early.

Whoever is lost or comes meanwhile: `StateSync` brings the workers to one state again, and the loop goes on from there.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from yarnml.checkpoint.fingerprint import fingerprint_of
from yarnml.checkpoint.manifest import FORMAT, Manifest, Position
from yarnml.checkpoint.pending import PendingCheckpoint
from yarnml.control.commands import AwaitSave, Command, Restore, Save, Train
from yarnml.control.reports import Report, Saved, Trained
from yarnml.data.calibration import Calibration
from yarnml.data.schema import Schema
from yarnml.errors import DataError, TimeOver, WorkerLost
from yarnml.events.events import BestEpochChosen, Converged, EpochDone, Listener, RoundStarted
from yarnml.job.fields import steps_in
from yarnml.job.spec import EarlyStopping
from yarnml.master import schedule
from yarnml.master.evaluation import Evaluations, Metrics
from yarnml.master.history import EPOCH_LOSS
from yarnml.master.reports import all_of
from yarnml.master.schedule import AfterRound, Round
from yarnml.master.state_sync import StateSync
from yarnml.master.stats import TrainingStats, round_measured
from yarnml.master.training import Training


class TrainingLoop:
    """The rounds of a training from a state on that all workers hold.

    ``schema``: of the state.
    ``steps``: of one epoch.
    ``position``: where the state is, from the start to the end of the loop.
    """

    def __init__(
        self,
        training: Training,
        schema: Schema,
        steps: int,
        position: Position,
        sync: StateSync,
        pending: PendingCheckpoint,
        stats: TrainingStats,
        say: Listener,
    ) -> None:
        self.position = position
        self._training = training
        self._job = training.job
        self._rule = training.job.training.early_stopping
        self._schema = schema
        self._steps = steps
        self._sync = sync
        self._pending = pending
        self._stats = stats
        self._say = say
        self._evaluations = Evaluations(training.job, training.plan, self._run)

    def run(self) -> bool:
        """Train all rounds that are left, then go back to the best epoch where the job asks for it.

        Returns whether the training stopped before its last epoch.
        """
        epochs = self._job.training.last_epoch
        checkpoint_steps = steps_in(self._job.checkpoint.every or self._job.learner.checkpoint_period, self._steps)
        stopped = schedule.is_over(self.position, self._rule)
        self._tell_convergence()
        for count, round in enumerate(schedule.rounds(self.position.step, epochs, self._steps, checkpoint_steps)):
            if stopped:
                break
            self._say(RoundStarted(round.number, round.first, round.last, epochs * self._steps))
            # The first round has the compiler in it, so the second one shows what a step costs, if there is one.
            shows_steps = count == 1 or (count == 0 and round.final)
            self.position = self._train(round, profile=self._job.profile and shows_steps)
            round = schedule.cut(round, self.position.step)
            if round.epoch:
                self._end_epoch(round.epoch)
            limit = "" if round.final else self._sync.time_limit
            decision = schedule.after_round(round, self.position, self._rule, self._steps, leave=bool(limit))
            if decision.save:
                self._save(decision)
            if limit and not decision.stop:
                raise TimeOver(f"{limit} Step {self.position.step} is kept; submit the job again, and it goes on.")
            self._sync.admit(round.last)
            stopped = decision.stop
        if self._rule:
            self._choose_epoch(self._rule, stopped)
        return stopped

    def evaluate(self) -> dict[str, Metrics]:
        """Return the metrics of the state, on everything but the training data."""
        return self._evaluations.final(self.position.step)

    @property
    def calibration(self) -> Calibration | None:
        """The calibration of the model's outputs, once these are evaluated."""
        return self._evaluations.calibration

    def _run(self, command: Command) -> Mapping[int, Report]:
        """Have all workers carry out a command on the state at the position."""
        return self._sync.run(command, self.position.step)

    def _train(self, round: Round, *, profile: bool) -> Position:
        """Train the steps of a round, whoever comes and goes meanwhile; returns the position after them.

        It comes back before the last one where there is no more time.
        """
        step = round.first
        while step < round.last:
            self._stats.tasks += (round.last - step) * self._training.shards
            command = Train(step, round.last, self._stats.loss, self._stats.weight, profile)
            try:
                reports = self._sync.attempt(command)
            except WorkerLost as lost:
                state = self._sync.regroup(lost, step, round.last)
                # A worker that has made no step since ``step`` may still have the sums of the epoch before: it learns
                # that a new one has begun from the next `Train` only.
                if state.step > step:
                    step = state.step
                    self._stats.take_sums(state)
                if self._sync.time_limit and self._job.training.consistency == "asynchronous":
                    kept = self._pending.newest.position.step if self._pending.newest else 0
                    raise TimeOver(
                        f"{self._sync.time_limit} Step {kept} is kept; submit the job again, and it goes on."
                    ) from lost
                if self._sync.time_limit:
                    return replace(self.position, step=step)
            else:
                trained = all_of(reports, Trained)
                self._stats.add_round(trained)
                self._tell_measurements(step, round.last, reports)
                self._sync.compare(reports, round.last)
                remarks = [remark for report in trained for remark in report.remarks]
                return replace(self.position, step=round.last, converged=trained[0].done, remarks=remarks)
        return replace(self.position, step=round.last)  # it is done, but nobody reported it: the next round will tell

    def _tell_measurements(self, first: int, last: int, reports: Mapping[int, Report]) -> None:
        seconds = {worker: report.seconds for worker, report in reports.items() if isinstance(report, Trained)}
        rows = round(last / self._steps * self._training.plan.datasets["train"].rows)
        self._say(round_measured(first, last, seconds))
        self._say(self._stats.measured(last, rows, len(seconds)))

    def _end_epoch(self, epoch: int) -> None:
        if not self._stats.weight > 0:
            raise DataError(f"The weights of all rows of epoch {epoch} are 0; nothing can be learned.")
        at = (epoch, self.position.step, self.position.converged)
        metrics = self._evaluations.after(*at)
        of_training = self._evaluations.of_training(*at)
        history = [*self.position.history, metrics]
        best = schedule.best_epoch(history, self._rule) if self._rule else None
        loss = self._stats.loss / self._stats.weight
        training = [*self.position.training, {EPOCH_LOSS: loss} | of_training]
        self.position = replace(self.position, history=history, training=training, best_epoch=best)
        self._stats.begin_epoch()
        self._say(EpochDone(epoch, self._job.training.last_epoch, self.position.step, loss, metrics, of_training))
        self._tell_convergence()

    def _tell_convergence(self) -> None:
        if self.position.converged:
            self._say(Converged(len(self.position.history), self._job.training.last_epoch))

    def _choose_epoch(self, rule: EarlyStopping, stopped: bool) -> None:
        """Return to the state of the best epoch, unless it is the newest or the job wants that."""
        epochs = len(self.position.history)
        best = self.position.best_epoch or epochs
        step = best * self._steps
        if rule.restore_best and step != self.position.step:
            self._run(Restore(step, self._training.checkpoints.folder(step)))
            self.position = replace(self.position, step=step)
        if stopped or rule.restore_best:
            self._say(BestEpochChosen(epochs, best, rule.metric, stopped, rule.restore_best))

    def _save(self, decision: AfterRound) -> None:
        """Make a checkpoint of the state, after the one that is still being written."""
        if self._pending.pending:
            self._commit(self._run(AwaitSave()))
        if self._pending.pending:  # the worker that wrote it is gone
            self._pending.drop()
        if self._pending.newest and self._pending.newest.position.step == self.position.step:
            return  # a round that was cut before its first step
        identity = fingerprint_of(self._job, self._training.plan)
        training = self._training
        manifest = Manifest(FORMAT, identity, self._schema, training.shards, self.position, {}, training.start)
        layers = schedule.layers(self._pending.newest, self.position.step, self._job.checkpoint.full_every)
        folder = self._pending.begin(replace(manifest, layers=layers), decision.keep_step)
        since = layers[-1].step if layers else None
        self._commit(self._run(Save(folder, beside=not decision.wait_for_save, since=since)))

    def _commit(self, reports: Mapping[int, Report]) -> None:
        for report in reports.values():
            if isinstance(report, Saved):
                self._pending.written(report)
