"""A run of a job as its history tells it: state, epochs, processes, and what it can be compared by.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeVar

from yarnml.events.events import (
    End,
    EpochDone,
    EvaluationResult,
    Event,
    Failure,
    Outcome,
    Planned,
    Tick,
)
from yarnml.events.measurements import (
    ProcessesMeasured,
    ProcessUse,
    RoundMeasured,
    RunStarted,
    TrainingMeasured,
)
from yarnml.events.model_jobs import SECTIONS
from yarnml.job import metrics
from yarnml.watch.history.entries import Entry

SILENT_SECONDS = 60.0
"""Time without an entry after which a run that has not ended counts as gone: a living one writes every few seconds."""

Kind = TypeVar("Kind", bound=Event)

State = Literal["running", "done", "failed", "stopped", "gone"]


@dataclass(frozen=True)
class Run:
    """The history of one job.

    ``folder``: of the job.  ``entries``: as they came, one at least.  ``now``: the time of the reading.
    """

    folder: str
    entries: Sequence[Entry]
    now: float

    @cached_property
    def start(self) -> RunStarted | None:
        """The newest start; None where its entry is lost."""
        return self._newest(RunStarted)

    @cached_property
    def job(self) -> dict[str, Any]:
        return self.start.job if self.start else {}

    @cached_property
    def name(self) -> str:
        return str(self.job.get("name", self.folder.rstrip("/").rpartition("/")[2]))

    @cached_property
    def section(self) -> str:
        """The work of a job that applies a model: the section of its job file; empty for a training."""
        return next((section for section in SECTIONS if section in self.job), "")

    @cached_property
    def place(self) -> str:
        """The place that a user names the job by: its folder, or the output of a job that applies a model."""
        return str(self.job[self.section]["output"]) if self.section else self.folder

    @cached_property
    def learner(self) -> str:
        learner = self.job.get("learner", {})
        return str(learner.get("kind") or learner.get("path", ""))

    @cached_property
    def end(self) -> End | Failure | None:
        """The event that ended the newest run; None as long as there is none."""
        ended: End | Failure | None = None
        for entry in self.entries:
            if isinstance(entry.event, End | Failure):
                ended = entry.event
            elif isinstance(entry.event, RunStarted):
                ended = None
        return ended

    @cached_property
    def state(self) -> State:
        if isinstance(self.end, Failure):
            return "stopped" if self.end.error == "Interrupted" else "failed"
        if self.end:
            return "done"
        return "running" if self.now - self.entries[-1].time < SILENT_SECONDS else "gone"

    @cached_property
    def cause(self) -> str:
        """The sentence about a bad end; empty for another one."""
        if isinstance(self.end, Failure):
            return self.end.text
        if self.state == "gone":
            minutes = (self.now - self.entries[-1].time) / 60
            return f"The master has told nothing for {minutes:,.0f} minutes: it was killed, or its storage was away."
        return ""

    @cached_property
    def outcome(self) -> Outcome | None:
        """The good end of a training; None without one."""
        return self.end if isinstance(self.end, Outcome) else None

    @cached_property
    def epochs(self) -> list[tuple[float, EpochDone]]:
        """The epochs in order, each with its time; one that was trained again counts as it was trained last."""
        done: dict[int, tuple[float, EpochDone]] = {}
        for entry in self.entries:
            if isinstance(entry.event, EpochDone):
                done[entry.event.epoch] = (entry.time, entry.event)
        return [done[number] for number in sorted(done)]

    @cached_property
    def epochs_done(self) -> int:
        if self.outcome:
            return self.outcome.epochs
        return self.epochs[-1][1].epoch if self.epochs else 0

    @cached_property
    def epochs_asked(self) -> int | None:
        asked = self.job.get("training", {}).get("epochs")
        return asked or (self.epochs[-1][1].epochs if self.epochs else None)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The number of rows by dataset."""
        planned = self._newest(Planned)
        return planned.rows if planned else {}

    @cached_property
    def began(self) -> float:
        starts = (entry.time for entry in reversed(self.entries) if isinstance(entry.event, RunStarted))
        return next(starts, self.entries[0].time)

    @cached_property
    def seconds(self) -> float:
        """The time of all runs, without that between them."""
        total = 0.0
        began = self.entries[0].time
        for before, entry in pairwise(self.entries):
            if isinstance(entry.event, RunStarted):
                total += before.time - began
                began = entry.time
        return total + self.entries[-1].time - began

    @cached_property
    def metric(self) -> str:
        """The metric that the job is judged by: the one of its early stopping or search, else a usual one."""
        rule = self.job.get("training", {}).get("early_stopping") or self.job.get("search") or {}
        if isinstance(self.end, EvaluationResult):
            rule = {"metric": next((name for name in ("roc_auc", "accuracy", "rmse") if name in self.metrics), None)}
        names = [name for name in self.metrics if "[" not in name and not name.endswith("_error")]
        return str(rule.get("metric") or (names[-1] if names else "loss"))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The newest metrics: of the test data, the validation data or the newest epoch; those of an evaluation."""
        if isinstance(self.end, EvaluationResult):
            return self.end.metrics
        if self.outcome:
            sets = self.outcome.metrics
            return sets.get("test") or sets.get("validation") or next(iter(sets.values()), {})
        return next((epoch.metrics for _, epoch in reversed(self.epochs) if epoch.metrics), {})

    @cached_property
    def best(self) -> float | None:
        """The best value of the metric that the job is judged by, over all evaluations."""
        values = [epoch.metrics[self.metric] for _, epoch in self.epochs if self.metric in epoch.metrics]
        values += [self.metrics[self.metric]] if self.metric in self.metrics else []
        choose = max if metrics.rises(self.metric) else min
        return choose(values) if values else None

    @cached_property
    def model(self) -> str:
        """The folder of the model that was exported, or is applied; empty without one."""
        if self.section:
            return str(getattr(self.end, "model", "") or self.job[self.section]["model"])
        return (self.outcome.export or "") if self.outcome else ""

    @cached_property
    def tick(self) -> Tick | None:
        return self._newest(Tick)

    @cached_property
    def counters(self) -> list[list[tuple[float, TrainingMeasured]]]:
        """The counters with their times, a list for each run that has any."""
        runs: list[list[tuple[float, TrainingMeasured]]] = [[]]
        for entry in self.entries:
            if isinstance(entry.event, RunStarted):
                runs.append([])
            elif isinstance(entry.event, TrainingMeasured):
                runs[-1].append((entry.time, entry.event))
        return [run for run in runs if run]

    @cached_property
    def phases(self) -> dict[str, float]:
        """The seconds of all steps, by phase."""
        total: dict[str, float] = {}
        for run in self.counters:
            for phase, seconds in run[-1][1].seconds.items():
                if phase != "total" and not phase.startswith("until_"):
                    total[phase] = total.get(phase, 0.0) + seconds
        return total

    @cached_property
    def rounds(self) -> list[tuple[float, RoundMeasured]]:
        return self.events_of(RoundMeasured)

    @cached_property
    def uses(self) -> list[tuple[float, ProcessesMeasured]]:
        return self.events_of(ProcessesMeasured)

    @cached_property
    def processes(self) -> list[tuple[float, ProcessUse]]:
        """Every process of the newest run as it was measured last, with the time of that."""
        newest: dict[tuple[str, int], tuple[float, ProcessUse]] = {}
        for entry in self.entries:
            if isinstance(entry.event, RunStarted):
                newest = {}
            elif isinstance(entry.event, ProcessesMeasured):
                newest |= {(use.role, use.index): (entry.time, use) for use in entry.event.processes}
        return [newest[key] for key in sorted(newest)]

    def events_of(self, kind: type[Kind]) -> list[tuple[float, Kind]]:
        """List the events of a kind with their times."""
        return [(entry.time, entry.event) for entry in self.entries if isinstance(entry.event, kind)]

    def _newest(self, kind: type[Kind]) -> Kind | None:
        return next((entry.event for entry in reversed(self.entries) if isinstance(entry.event, kind)), None)
