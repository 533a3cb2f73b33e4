"""The console of a job: a live line on a terminal, plain lines elsewhere, a summary at the end."""

import time
from contextlib import AbstractContextManager
from typing import Self, assert_never

from rich.console import Console
from rich.live import Live
from rich.text import Text

from yarnml.events.events import (
    Announcement,
    BestEpochChosen,
    CheckpointTorn,
    Continued,
    Converged,
    EpochDone,
    EvaluationResult,
    Event,
    ExplanationResult,
    Failure,
    LabelSummary,
    LookResult,
    Outcome,
    Pending,
    Planned,
    Predicted,
    ProcessJoined,
    ProcessLost,
    Resumed,
    RoundStarted,
    SearchDone,
    SearchStarted,
    ShardsDone,
    SizeChanged,
    Submitted,
    Tick,
    TrialDone,
    Waiting,
    WarmStarted,
    WorkerSuspended,
)
from yarnml.events.log import log
from yarnml.events.measurements import Measurement
from yarnml.events.model_jobs import (
    evaluation_table,
    explanation_text,
    look_text,
    prediction_summary,
    rows_of,
    shards_line,
)
from yarnml.events.public import shown
from yarnml.events.ranking import ranking, settings
from yarnml.events.rate import Rate
from yarnml.events.stream import StreamEvent, stream_line
from yarnml.events.submission import PageServed, TimeLimit, UserAction
from yarnml.events.text import columns, count_of, format_metrics, local_time

PLAIN_LINE_SECONDS = 5.0
"""Time between two progress lines where there is no terminal."""


class JobConsole(AbstractContextManager["JobConsole"]):
    """Show the events of a job as they come; call it with each of them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._round: RoundStarted | None = None
        self._rate = Rate()
        self._unseen = False  # once the output could not be written
        self._last_plain_line = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Measurement):
            return  # for the history
        match event:
            case Tick():
                self._rate.add(event.step, event.rows, time.monotonic())
                self._show_progress(progress_line(self._round, event, self._rate.per_second))
            case ShardsDone():
                self._show_progress(shards_line(event))
            case RoundStarted():
                self._round = event
                self._rate.begin(event.first)
            case _:
                self._print(shown(announcement(event)))

    def _show_progress(self, text: str) -> None:
        if self._live:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"))
        elif time.monotonic() - self._last_plain_line >= PLAIN_LINE_SECONDS:
            self._last_plain_line = time.monotonic()
            self._print(text)

    def _print(self, text: str) -> None:
        """Print a text, unless an earlier one could not be written: a job does not end because nobody sees it."""
        if self._unseen:
            return
        try:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        except (OSError, SystemExit) as exc:  # rich would leave the program where its reader has left
            self._unseen = True
            why = exc.strerror if isinstance(exc, OSError) else "nobody reads it"
            log(f"warning: The output can't be written, and the job goes on without it: {why}.")


def progress_line(round: RoundStarted | None, tick: Tick, rate: float | None) -> str:
    """The line that a live terminal shows; ``rate``: rows per second, left out where it is None."""
    number, steps = (round.number + 1, round.steps) if round else (0, 0)
    speed = "" if rate is None else f"  {rate:,.0f} rows/s"
    workers = count_of(tick.workers, "worker")
    return f"round {number}  step {tick.step}/{steps}  loss {tick.loss:.4g}{speed}  {workers}"


def announcement(event: Announcement) -> str:
    """One plain line about an event; a table about the end of a search, and the summary about the end of a job."""
    if isinstance(event, StreamEvent):
        return stream_line(event)
    match event:
        case Planned(name, backend, rows, shards, workers, reducers, room):
            parts = ", ".join(rows_of(name, count) for name, count in rows.items())
            processes = count_of(workers, "worker") + (f" and {reducers} reducers" if reducers else "")
            return f"{name}: {parts or 'a stream'} in {count_of(shards, 'shard')}; {backend}, {processes}" + (
                room and f"; {room}"
            )
        case LabelSummary(text):
            return text
        case Continued(step, epoch, folder):
            return f"continuing after step {step} (epoch {epoch:.4g}) from {folder}"
        case WarmStarted(folder, content):
            return f"starting from {folder}: {content}"
        case CheckpointTorn(folder, why, instead):
            return f"torn: {folder}: {why}; step {instead} is the newest checkpoint that is whole, to go on from"
        case Submitted(application, url):
            return f"{application}  {url}"
        case PageServed(url):
            return f"its page: {url}"
        case UserAction(user, action):
            return f"{user} {action}"
        case TimeLimit(end):
            return (
                f"warning: the job's delegation tokens end at {local_time(end)}; before that it stops at a checkpoint, "
                "and goes on when it is submitted again"
            )
        case Pending(application, state, reason):
            return f"{application} is {state}{f': {reason}' if reason else ''}"
        case Waiting(workers, target, reason):
            return f"waiting for workers: {workers} of {target} are here{f'; {reason}' if reason else ''}"
        case ProcessLost(why):
            return f"lost: {why}"
        case WorkerSuspended(who, why):
            return f"{who} {why}; going on without it"
        case Resumed(step, workers):
            return f"going on after step {step} with {count_of(workers, 'worker')}"
        case SizeChanged(role, before, count, why):
            return f"{count} {role}s are wanted, not {before}: {why}"
        case ProcessJoined(workers, target):
            return f"{workers} of {target} workers take part"
        case EpochDone(epoch, epochs, step, loss, metrics, training):
            evaluation = f"; {format_metrics(metrics)}" if metrics else ""
            evaluation += f"; of the training rows: {format_metrics(training)}" if training else ""
            return f"epoch {epoch}/{epochs}  step {step}  training loss {loss:.4g}{evaluation}"
        case Converged(epoch, epochs):
            return f"converged after epoch {epoch} of {epochs}"
        case SearchStarted(candidates, folds, metric, done):
            size = count_of(candidates, "candidate") + (f" on {folds} folds" if folds else "")
            return f"search: {size}, judged by {metric}" + (f"; going on after {done} trainings" if done else "")
        case TrialDone(done, trainings, values, fold, metric, value, why):
            result = why if value is None else f"{metric} {value:.4g}"
            part = "" if fold is None else f"  fold {fold + 1}"
            return f"training {done}/{trainings}  {settings(values)}{part}: {result}"
        case SearchDone():
            return ranking(event)
        case BestEpochChosen(epochs, best, metric, stopped, restored):
            ended = f"stopped early after epoch {epochs}: " if stopped else ""
            kept = "its model is kept" if restored else "the newest model is kept"
            return f"{ended}{metric} was best in epoch {best}; {kept}"
        case Outcome():
            return summary(event)
        case Predicted():
            return prediction_summary(event)
        case EvaluationResult():
            return evaluation_table(event)
        case ExplanationResult():
            return explanation_text(event)
        case LookResult():
            return look_text(event)
        case Failure(_, text, detail):
            return f"{detail}\nerror: {text}" if detail else f"error: {text}"
        case _:
            assert_never(event)


def summary(outcome: Outcome) -> str:
    """The end of a job, one fact a line."""
    ended = f"done: {outcome.epochs} epochs, step {outcome.step}"
    if outcome.already:
        ended = "had finished before; nothing to do (--restart trains anew)"
    facts = [(outcome.name, ended), *((name, format_metrics(metrics)) for name, metrics in outcome.metrics.items())]
    facts.append(("time", _time(outcome.seconds)))
    if phases := _phase_shares(outcome.seconds):
        facts.append(("a step", phases))
    if outcome.local is not None:
        facts.append(("data", f"{100 * outcome.local:.0f} % of the training bytes were on the host of their worker"))
    if outcome.copied:
        facts.append(("backups", f"{outcome.copied} late tasks were computed twice ({outcome.wasted:.1%} of all)"))
    facts += [("note", remark) for remark in outcome.remarks]
    facts.append(("checkpoint", outcome.checkpoint))
    if outcome.export:
        facts += [("model", outcome.export), ("use it", f'yarnml.load_model("{outcome.export}").predict(table)')]
    return columns(facts)


def _time(seconds: dict[str, float]) -> str:
    first = f", first update after {seconds['until_updated']:.1f} s" if "until_updated" in seconds else ""
    return f"{seconds.get('total', 0.0):.1f} s{first}"


def _phase_shares(seconds: dict[str, float]) -> str:
    """The share of each phase in the time of the steps; empty where no step was done."""
    phases = {name: s for name, s in seconds.items() if name != "total" and not name.startswith("until_")}
    spent = sum(phases.values())
    return ", ".join(f"{name} {100 * s / spent:.0f} %" for name, s in phases.items()) if spent else ""
