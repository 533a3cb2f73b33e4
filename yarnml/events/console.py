"""What the user sees: a live line on a terminal, plain lines elsewhere, one summary at the end."""

import time
from collections import deque
from contextlib import AbstractContextManager
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from yarnml.events.events import (
    BestEpochChosen,
    CheckpointTorn,
    Continued,
    Converged,
    EpochDone,
    Event,
    Failure,
    Outcome,
    Pending,
    Planned,
    ProcessJoined,
    ProcessLost,
    Resumed,
    RoundStarted,
    SearchDone,
    SearchStarted,
    SizeChanged,
    Submitted,
    Tick,
    TrialDone,
    Waiting,
    WorkerSuspended,
    numbers,
)

PLAIN_SECONDS = 5.0  # between two progress lines without a terminal
WINDOW = 20  # ticks over which the rate is told
APART_SECONDS = 0.1  # between two of them at least; several may come at once


class JobConsole(AbstractContextManager["JobConsole"]):
    """Shows events as they come; call it with each."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._round: RoundStarted | None = None
        self._rate = Rate()
        self._shown = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Tick():
                self._tick(event)
            case RoundStarted():
                self._round = event
                self._rate.begin(event.first)
            case Outcome():
                self._console.print(summary(event), highlight=False, markup=False, soft_wrap=True)
            case _:
                self._console.print(line(event), highlight=False, markup=False, soft_wrap=True)

    def _tick(self, tick: Tick) -> None:
        self._rate.add(tick.step, tick.rows, time.monotonic())
        text = progress_line(self._round, tick, self._rate.per_second)
        if self._live:
            self._live.update(Text(text, no_wrap=True, overflow="ellipsis"))
        elif time.monotonic() - self._shown >= PLAIN_SECONDS:
            self._shown = time.monotonic()
            self._console.print(text, highlight=False, soft_wrap=True)


class Rate:
    """Rows per second over the newest ticks: the rows of a step times the steps per second.

    So steps of which no tick told count, too, and it holds across rounds, which may be shorter than a tick.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._newest = (0, 0)  # the step and the rows that the round had covered by then
        self._rows = 0.0  # of one step

    def begin(self, step: int) -> None:
        """A round begins with ``step``."""
        self._newest = (step, 0)

    def add(self, step: int, rows: int, now: float) -> None:
        """At the time ``now``, ``step`` is the newest finished, and its round has covered so many rows."""
        before, covered = self._newest
        if step > before and rows > covered:
            self._rows = (rows - covered) / (step - before)
        self._newest = (step, rows)
        if self._points and step < self._points[-1][1]:  # the job went back to a checkpoint
            self._points.clear()
        if not self._points or now - self._points[-1][0] >= APART_SECONDS:
            self._points.append((now, step))

    @property
    def per_second(self) -> float | None:
        """None as long as there is nothing to compare with."""
        (start, first), (end, last) = self._points[0], self._points[-1]
        return self._rows * (last - first) / (end - start) if end > start else None


def progress_line(round: RoundStarted | None, tick: Tick, rate: float | None) -> str:
    number, steps = (round.number + 1, round.steps) if round else (0, 0)
    workers = f"{tick.workers} worker{'s' if tick.workers != 1 else ''}"
    speed = "" if rate is None else f"  {rate:,.0f} rows/s"
    return f"round {number}  step {tick.step}/{steps}  loss {tick.loss:.4g}{speed}  {workers}"


def line(event: Event) -> str:
    """One plain line about an event."""
    match event:
        case Planned(name, backend, rows, shards, workers, reducers):
            parts = ", ".join(f"{n} {name} rows" for name, n in rows.items())
            where = f"{workers} worker{'s' if workers != 1 else ''}" + (f" and {reducers} reducers" if reducers else "")
            return f"{name}: {parts} in {shards} shards; {backend}, {where}"
        case Continued(step, epoch, folder):
            return f"continuing after step {step} (epoch {epoch:.4g}) from {folder}"
        case CheckpointTorn(folder, why, instead):
            return f"torn: {folder}: {why}; step {instead} is the newest checkpoint that is whole, to go on from"
        case Submitted(application, url):
            return f"{application}  {url}"
        case Pending(application, state, reason):
            return f"{application} is {state}{f': {reason}' if reason else ''}"
        case Waiting(workers, wanted, reason):
            return f"waiting for workers: {workers} of {wanted} are here{f'; {reason}' if reason else ''}"
        case ProcessLost(why):
            return f"lost: {why}"
        case WorkerSuspended(who, why):
            return f"{who} {why}; going on without it"
        case Resumed(step, workers):
            return f"going on after step {step} with {workers} worker{'s' if workers != 1 else ''}"
        case SizeChanged(role, before, count, why):
            return f"{count} {role}s are wanted, not {before}: {why}"
        case ProcessJoined(workers, wanted):
            return f"{workers} of {wanted} workers take part"
        case EpochDone(epoch, epochs, step, loss, metrics):
            shown = f"; {numbers(metrics)}" if metrics else ""
            return f"epoch {epoch}/{epochs}  step {step}  training loss {loss:.4g}{shown}"
        case Converged(epoch, epochs):
            return f"converged after epoch {epoch} of {epochs}"
        case SearchStarted(candidates, folds, metric, done):
            how = f"{candidates} candidate{'s' if candidates != 1 else ''}" + (f" on {folds} folds" if folds else "")
            return f"search: {how}, judged by {metric}" + (f"; going on after {done} trainings" if done else "")
        case TrialDone(done, trainings, values, fold, metric, value, why):
            found = why if value is None else f"{metric} {value:.4g}"
            where = "" if fold is None else f"  fold {fold + 1}"
            return f"training {done}/{trainings}  {settings(values)}{where}: {found}"
        case SearchDone():
            return ranking(event)
        case BestEpochChosen(epochs, best, metric, stopped, restored):
            ended = f"stopped early after epoch {epochs}: " if stopped else ""
            kept = "its model is kept" if restored else "the newest model is kept"
            return f"{ended}{metric} was best in epoch {best}; {kept}"
        case Failure(_, text, detail):
            return f"{detail}\nerror: {text}" if detail else f"error: {text}"
        case _:
            return repr(event)


def settings(values: dict[str, Any]) -> str:
    """'learner.l2 0.01, learner.hidden [64]'."""
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "the job as it is"


def ranking(found: SearchDone) -> str:
    """The candidates of a search as a table, and which is the best."""
    names = list(found.candidates[0].values)
    rows = [["", *names, found.metric]]
    for number, candidate in enumerate(found.candidates):
        values = [str(value) for value in candidate.values.values()]
        spread = "" if found.folds == 1 else f" ± {candidate.deviation or 0.0:.2g}"
        told = "can't be trained" if candidate.mean is None else f"{candidate.mean:.4g}{spread}"
        rows.append(["best" if number == found.best else "", *values, told])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def summary(outcome: Outcome) -> str:
    """The end of a job, one fact a line."""
    ended = f"done: {outcome.epochs} epochs, step {outcome.step}"
    if outcome.already:
        ended = "had finished before; nothing to do (--restart trains anew)"
    facts = [(outcome.name, ended), *((name, numbers(metrics)) for name, metrics in outcome.metrics.items())]
    facts.append(("time", _time(outcome.seconds)))
    if step := _step(outcome.seconds):
        facts.append(("a step", step))
    if outcome.local is not None:
        facts.append(("data", f"{100 * outcome.local:.0f} % of the training bytes were on the host of their worker"))
    if outcome.copied:
        facts.append(("backups", f"{outcome.copied} late tasks were computed twice ({outcome.wasted:.1%} of all)"))
    facts.append(("checkpoint", outcome.checkpoint))
    if outcome.export:
        facts += [("model", outcome.export), ("use it", f'yarnml.load_model("{outcome.export}").predict(table)')]
    width = max(len(name) for name, _ in facts)
    return "\n".join(f"{name:{width}}  {text}" for name, text in facts)


def _time(seconds: dict[str, float]) -> str:
    first = f", first update after {seconds['until_updated']:.1f} s" if "until_updated" in seconds else ""
    return f"{seconds.get('total', 0.0):.1f} s{first}"


def _step(seconds: dict[str, float]) -> str:
    """The shares of its phases; empty where no step was done."""
    phases = {name: s for name, s in seconds.items() if name != "total" and not name.startswith("until_")}
    spent = sum(phases.values())
    return ", ".join(f"{name} {100 * s / spent:.0f} %" for name, s in phases.items()) if spent else ""
