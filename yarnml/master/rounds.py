"""The story of a job, from the plan to the model: survey, scale, build, train, evaluate, and export.

Every line that says ``run`` is one barrier: all workers do it together, and the reports are in when it returns.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TypeVar

from msgspec.structs import replace

from yarnml.checkpoint import outcomes
from yarnml.checkpoint.manifest import Position
from yarnml.checkpoint.pending import PendingCheckpoint
from yarnml.control.commands import (
    Build,
    Check,
    Command,
    CountRows,
    Evaluate,
    Export,
    FitScaling,
    Initialize,
    WarmUp,
    ipc,
)
from yarnml.control.reports import Built, Evaluated, Report, RowsCounted
from yarnml.data.label_summary import classes_text, classes_warning
from yarnml.data.schema import Schema
from yarnml.events.events import Continued, LabelSummary, Listener, Outcome, WarmStarted
from yarnml.job.spec import Export as Target
from yarnml.master import schedule
from yarnml.master.advice import remark_on_exchange
from yarnml.master.crew import Crew
from yarnml.master.evaluation import Metrics, check_calibration
from yarnml.master.history import history_of
from yarnml.master.reports import first_of, surveyed
from yarnml.master.smaller_version import export_smaller
from yarnml.master.state_sync import StateLost, StateSync
from yarnml.master.stats import TrainingStats
from yarnml.master.training import Training
from yarnml.master.training_loop import TrainingLoop
from yarnml.model import export, registry
from yarnml.storage import atomic

Result = TypeVar("Result")


class Rounds:
    """One training with one crew."""

    def __init__(self, training: Training, stats: TrainingStats, crew: Crew, say: Listener) -> None:
        plan = training.plan
        self._training = training
        self._stats = stats
        self._crew = crew
        self._say = say
        self._pending = PendingCheckpoint(training.checkpoints, training.manifest, say)
        stored = {name: ipc(schema) for name, schema in plan.stored.items()}
        self._begin = Initialize(training.job, plan.datasets, stored, training.shards)
        self._sync = StateSync(crew, self._begin, self._pending.written, say)

    def run(self) -> Outcome:
        """Train to the end and export."""
        return self._until_done(self._train)

    def survey(self) -> Schema:
        """Only find what the schema of the plan lacks."""
        return self._until_done(lambda: self._survey(self._training.plan.schema))

    def judge(self, edges: list[list[float]] | None) -> tuple[Metrics, RowsCounted | None]:
        """Evaluate the state that the training starts from on its training rows, and count these.

        ``edges``: of the bins to count in; None to count nothing.
        """
        return self._until_done(lambda: self._judge(edges))

    def count(self, edges: list[list[float]]) -> RowsCounted:
        """Count the training rows at the newest state; ``edges``: as in `CountRows`."""
        return self._until_done(lambda: self._count(edges))

    def _until_done(self, story: Callable[[], Result]) -> Result:
        """Go through a story, again from the newest checkpoint on after each loss of the state."""
        while True:
            self._stats.begin_epoch()
            try:
                return story()
            except StateLost:
                self._pending.drop()
                self._pending.newest = self._training.checkpoints.newest(self._say)
                self._sync.schema = None

    @property
    def _position(self) -> Position:
        """The position of the newest checkpoint, at which every attempt begins."""
        newest = self._pending.newest
        return newest.position if newest else Position(0, [])

    def _judge(self, edges: list[list[float]] | None) -> tuple[Metrics, RowsCounted | None]:
        self._build(self._prepare())
        metrics = first_of(self._run(Evaluate("train")), Evaluated).metrics
        return metrics, None if edges is None else first_of(self._run(CountRows(edges)), RowsCounted)

    def _count(self, edges: list[list[float]]) -> RowsCounted:
        self._build(self._prepare())
        return first_of(self._run(CountRows(edges)), RowsCounted)

    def _build(self, schema: Schema) -> Built:
        """Have the workers make the state that this attempt begins with."""
        step = self._position.step
        folder = self._training.checkpoints.folder(step) if self._pending.newest else None
        start = None if folder else self._training.start
        built = first_of(self._run(Build(schema, step, folder, start)), Built)
        self._sync.schema = schema
        self._sync.parts = built.parts
        return built

    def _train(self) -> Outcome:
        schema = self._prepare()
        check_calibration(self._training.job, schema)
        position = self._position
        folder = self._training.checkpoints.folder(position.step) if self._pending.newest else None
        start = None if folder else self._training.start
        built = self._build(schema)
        self._crew.warm_up(WarmUp(self._begin, schema))
        self._stats.mark("built")
        if folder:
            self._say(Continued(position.step, position.step / built.steps, folder))
        if start:
            self._say(WarmStarted(start.folder, built.content))
        for name, dataset in self._training.plan.datasets.items():
            if name != "train" and not dataset.split and not dataset.fold:  # parts of files that training reads, too
                self._run(Check(name))
        loop = TrainingLoop(
            self._training, schema, built.steps, position, self._sync, self._pending, self._stats, self._say
        )
        stopped = loop.run()
        metrics = {**self._training.metrics, **loop.evaluate()}
        outcome = self._outcome(loop.position, metrics, stopped)
        if self._training.job.export_to is None:
            self._training.checkpoints.confirm()
            outcomes.write(self._training.job, outcome)
            return outcome
        schema = replace(schema, calibration=loop.calibration)
        return replace(outcome, export=self._export(self._training.job.export_to, schema, built, outcome))

    def _run(self, command: Command) -> Mapping[int, Report]:
        """Have all workers carry out a command before the first step of this attempt."""
        return self._sync.run(command, self._position.step)

    def _prepare(self) -> Schema:
        """Find what the schema lacks, and the scalings, unless a checkpoint has them."""
        newest = self._pending.newest
        schema = self._survey(newest.schema if newest else self._training.plan.schema)
        if text := classes_text(schema) or self._training.plan.label:
            self._say(LabelSummary("; ".join([text, *classes_warning(schema)])))
        has_scaling = newest or (self._training.start and not self._training.has_new_numbers)
        if (self._training.job.scales or schema.label_scale != "none") and not has_scaling:
            self._run(FitScaling(schema))
        return schema

    def _survey(self, schema: Schema) -> Schema:
        """Give the workers the job, and find what the schema lacks."""
        self._crew.warm_up(WarmUp(self._begin, None))
        self._run(self._begin)
        return surveyed(schema, self._run)

    def _outcome(self, position: Position, metrics: dict[str, dict[str, float]], stopped: bool) -> Outcome:
        self._stats.end()
        advice = self._training.job.learner.to_converge
        converged, remarks = schedule.convergence(position, advice, stopped_early=stopped)
        shortfall = (
            None if stopped or position.converged else self._training.job.learner.shortfall(len(position.history))
        )
        about_label = classes_warning(self._sync.schema) if self._sync.schema else []
        stale = [str(self._stats.staleness)] if self._stats.staleness.sums else []
        slow_exchange = remark_on_exchange(self._training.job, self._stats.seconds)
        about_steps = [remark for remark in (shortfall, slow_exchange) if remark]
        remarks = [*self._training.plan.remarks, *stale, *about_label, *about_steps, *remarks]
        crew = self._crew.stats
        return Outcome(
            self._training.job.name,
            position.step,
            len(position.history),
            metrics,
            self._stats.seconds,
            self._training.checkpoints.folder(position.step),
            local=crew.local_share,
            stopped_early=stopped,
            copied=crew.copied_tasks,
            wasted=crew.copied_tasks / max(1, self._stats.tasks),
            converged=converged,
            remarks=remarks,
            history=history_of(position),
        )

    def _export(self, target: Target, schema: Schema, built: Built, outcome: Outcome) -> str:
        """Have a worker write the model, and give it its version; returns its folder."""
        job = self._training.job
        about = export.describe(
            job,
            self._training.plan,
            schema,
            parameters=built.parameters,
            outcome=outcome,
            shards=self._training.shards,
            parent=self._training.start,
        )
        with ExitStack() as drafts:
            draft = drafts.enter_context(atomic.draft(export.begin(target, job.name, job.folder)))
            self._sync.run(Export(draft, about), outcome.step)
            if target.quantise:
                smaller = drafts.enter_context(atomic.draft(export.begin(target, f"{job.name}-smaller", job.folder)))
                export_smaller(self._crew, job, target, draft, smaller, about)
                draft = smaller
            export.sign(target, draft)
            self._training.checkpoints.confirm()
            url = export.commit(target, draft, lambda url: outcomes.write(job, replace(outcome, export=url)))
        if target.keep:
            registry.retain(target.path, target.keep, url)
        return url
