"""The story of a job, from the plan to the model: survey, scale, build, then train, evaluate, save, and export.

Every line that says ``run`` is one meeting: all workers do it together, and the reports are in when it returns.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from msgspec.structs import replace

from yarnml.checkpoint import outcomes
from yarnml.checkpoint.fingerprint import fingerprint_of
from yarnml.checkpoint.pending import PendingCheckpoint
from yarnml.checkpoint.store import FORMAT, Checkpoints, Manifest, Position
from yarnml.control.commands import (
    AwaitSave,
    Build,
    Command,
    Export,
    FitScaling,
    Initialize,
    Restore,
    Save,
    Survey,
    Train,
    WarmUp,
    ipc,
)
from yarnml.control.reports import Built, Report, Saved, Surveyed, Trained
from yarnml.data.plan import Plan
from yarnml.data.schema import Schema
from yarnml.data.survey import filled, lacking, merged
from yarnml.errors import DataError, WorkerLost
from yarnml.events.events import BestEpochChosen, Continued, Converged, EpochDone, Listener, Outcome, RoundStarted
from yarnml.job.spec import EarlyStopping, Job
from yarnml.job.spec import Export as Target
from yarnml.master import schedule
from yarnml.master.crew import Crew
from yarnml.master.evaluation import Evaluations
from yarnml.master.reports import all_of, first_of
from yarnml.master.state_sync import StateLost, StateSync
from yarnml.master.stats import TrainingStats
from yarnml.model import export
from yarnml.storage import atomic

Told = TypeVar("Told")


class Rounds:
    """One training's rounds.

    ``judged``: metrics that are known before, by what they are of; they go into the outcome and the model.
    """

    def __init__(
        self,
        job: Job,
        plan: Plan,
        checkpoints: Checkpoints,
        manifest: Manifest | None,
        stats: TrainingStats,
        judged: Mapping[str, dict[str, float]] = MappingProxyType({}),
    ) -> None:
        self._judged = dict(judged)
        self._job, self._plan, self._checkpoints, self._stats = job, plan, checkpoints, stats
        self._pending_checkpoint = PendingCheckpoint(checkpoints, manifest)
        self.shards = manifest.shards if manifest else job.shards
        self._position = manifest.position if manifest else Position(0, [])
        self._evaluations = Evaluations(job, plan, self._run_command)
        self._begin = Initialize(job, plan.datasets, {n: ipc(s) for n, s in plan.stored.items()}, self.shards)

    def run(self, crew: Crew, say: Listener) -> Outcome:
        """Train to the end and export; after a lost process, from the newest checkpoint on."""
        return self._lead(crew, say, self._run)

    def survey(self, crew: Crew, say: Listener) -> Schema:
        """Only find what the schema of the plan lacks."""
        return self._lead(crew, say, lambda: self._survey(self._plan.schema))

    def _lead(self, crew: Crew, say: Listener, story: Callable[[], Told]) -> Told:
        """Go through a story with a crew, again from the newest checkpoint on where its state was lost."""
        self._crew, self._say, self._state_sync = crew, say, StateSync(crew, self._begin, say)
        crew.listen(self._pending_checkpoint.written)
        while True:
            self._stats.begin_epoch()
            try:
                return story()
            except StateLost:
                self._rewind()

    def _rewind(self) -> None:
        """Go back to the newest checkpoint that is whole, or to the beginning."""
        self._pending_checkpoint.drop()
        self._pending_checkpoint.newest = newest = self._checkpoints.newest(self._say)
        self._position = newest.position if newest else Position(0, [])
        self._evaluations.forget()
        self._state_sync.schema = None

    def _run(self) -> Outcome:
        schema = self._prepare()
        folder = self._checkpoints.folder(self._position.step) if self._pending_checkpoint.newest else None
        built = first_of(self._run_command(Build(schema, self._position.step, folder)), Built)
        self._state_sync.schema = schema
        self._crew.warm_up(WarmUp(self._begin, schema))
        self._stats.mark("built")
        if folder:
            self._say(Continued(self._position.step, self._position.step / built.steps, folder))
        stopped = self._train(schema, built.steps)
        outcome = self._outcome(self._judged | self._evaluations.final(self._position.step), stopped)
        if self._job.export_to is None:
            outcomes.write(self._job, outcome)
            return outcome
        return replace(outcome, export=self._export(self._job.export_to, schema, built, outcome))

    def _outcome(self, metrics: dict[str, dict[str, float]], stopped: bool) -> Outcome:
        step, epochs = self._position.step, len(self._position.history)
        self._stats.end()
        newest = self._checkpoints.folder(step)
        return Outcome(
            self._job.name,
            step,
            epochs,
            metrics,
            self._stats.seconds,
            newest,
            local=self._crew.share_local(),
            stopped_early=stopped,
            copied=self._crew.copied,
            wasted=self._crew.copied / max(1, self._stats.tasks),
        )

    def _run_command(self, command: Command) -> Mapping[int, Report]:
        """Have all workers carry out a command on the state at the position."""
        return self._state_sync.run(command, self._position.step)

    def _prepare(self) -> Schema:
        """Find what the schema lacks, and the scaling, unless a checkpoint has them."""
        newest = self._pending_checkpoint.newest
        schema = self._survey(newest.schema if newest else self._plan.schema)
        if self._job.data.scale == "standard" and not newest:
            self._run_command(FitScaling(schema))
        return schema

    def _survey(self, schema: Schema) -> Schema:
        """Tell the workers what there is, and find what the schema lacks."""
        self._crew.warm_up(WarmUp(self._begin, None))
        self._run_command(self._begin)
        while lacking(schema):
            reports = self._run_command(Survey(schema)).values()
            schema = filled(schema, merged(r.findings for r in reports if isinstance(r, Surveyed)))
        return schema

    def _train(self, schema: Schema, steps: int) -> bool:
        """All rounds that are left, then back to the best epoch where the job asks for it; True when stopped early."""
        training, rule = self._job.training, self._job.training.early_stopping
        every = schedule.period(self._job.checkpoint.every, steps)
        stopped, end = self._should_stop(), training.epochs * steps
        for count, round in enumerate(schedule.rounds(self._position.step, training.epochs, steps, every)):
            if stopped:
                break
            self._say(RoundStarted(round.number, round.first, round.last, end))
            warm = count == 1 or (count == 0 and round.last == end)  # the first round has the compiler in it
            self._train_round(round, profile=self._job.profile and warm)
            self._position = replace(self._position, step=round.last, converged=self._stats.converged)
            if round.epoch:
                self._end_epoch(round.epoch)
            best = self._position.best_epoch
            stopped = bool(round.epoch) and self._should_stop()
            better = bool(round.epoch and best == round.epoch)
            if round.save or stopped or better:
                last = stopped or round.last == end
                kept = best * steps if best and rule and rule.restore_best else None
                self._save(schema, kept, beside=not (better or last))
            if self._crew.admit():
                self._state_sync.regroup(None, round.last, round.last)
        if rule:
            self._settle(rule, steps, stopped)
        return stopped

    def _should_stop(self) -> bool:
        rule, history = self._job.training.early_stopping, self._position.history
        if self._position.converged:
            self._say(Converged(len(history), self._job.training.epochs))
        return self._position.converged or bool(rule and schedule.should_stop(history, rule))

    def _train_round(self, round: schedule.Round, *, profile: bool) -> None:
        """All steps of a round, whoever comes and goes meanwhile."""
        at = round.first
        while at < round.last:
            self._stats.tasks += (round.last - at) * self.shards
            try:
                train = Train(at, round.last, self._stats.loss, self._stats.weight, profile)
                reports = self._crew.run(train, self.shards)
            except WorkerLost as lost:
                there = self._state_sync.regroup(lost, at, round.last)
                if there.step > at:  # else it may speak of the epoch before
                    at = there.step
                    self._stats.stand(there)
            else:
                at = round.last
                self._stats.trained(all_of(reports, Trained))
                self._state_sync.compare(reports, at)

    def _end_epoch(self, epoch: int) -> None:
        if not self._stats.weight > 0:
            raise DataError(f"The weights of all rows of epoch {epoch} are 0; nothing can be learned.")
        rule, last = self._job.training.early_stopping, self._job.training.epochs
        metrics = self._evaluations.after(epoch, self._position.step, self._position.converged)
        history = [*self._position.history, metrics]
        best = schedule.best_epoch(history, rule) if rule else None
        self._position = replace(self._position, history=history, best_epoch=best)
        loss = self._stats.loss / self._stats.weight
        self._stats.begin_epoch()
        self._say(EpochDone(epoch, last, self._position.step, loss, metrics))

    def _settle(self, rule: EarlyStopping, steps: int, stopped: bool) -> None:
        """Return to the state of the best epoch, unless it is the newest or the job wants that."""
        epochs, best = len(self._position.history), self._position.best_epoch or len(self._position.history)
        if rule.restore_best and best * steps != self._position.step:
            self._run_command(Restore(best * steps, self._checkpoints.folder(best * steps)))
            self._position = replace(self._position, step=best * steps)
        if stopped or rule.restore_best:
            self._say(BestEpochChosen(epochs, best, rule.metric, stopped, rule.restore_best))

    def _save(self, schema: Schema, best_step: int | None, *, beside: bool) -> None:
        """Keep the state.  One that the job comes back to by itself is not written beside the training."""
        if self._pending_checkpoint.pending:
            self._hear(self._run_command(AwaitSave()))
        if self._pending_checkpoint.pending:  # who wrote it is gone
            self._pending_checkpoint.drop()
        identity = fingerprint_of(self._job, self._plan)
        manifest = Manifest(FORMAT, identity, schema, self.shards, self._position, {})
        self._hear(self._run_command(Save(self._pending_checkpoint.begin(manifest, best_step), beside)))

    def _hear(self, reports: Mapping[int, Report]) -> None:
        for report in reports.values():
            if isinstance(report, Saved):
                self._pending_checkpoint.written(report)

    def _export(self, to: Target, schema: Schema, built: Built, outcome: Outcome) -> str:
        about = export.describe(
            self._job,
            self._plan,
            schema,
            parameters=built.parameters,
            metrics=outcome.metrics,
            steps=self._position.step,
            shards=self.shards,
        )
        with atomic.draft(export.begin(to, self._job.name, str(self._job.checkpoint.path))) as folder:
            self._run_command(Export(folder, about))
            return export.commit(to, folder, lambda target: outcomes.write(self._job, replace(outcome, export=target)))
