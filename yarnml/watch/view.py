"""The content of a page: facts, charts and tables of a run.  Pure; `yarnml.watch.page` makes HTML of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from yarnml.events.console import announcement
from yarnml.events.events import (
    End,
    EpochDone,
    EvaluationResult,
    Event,
    ExplanationResult,
    Failure,
    LookResult,
    Outcome,
    Predicted,
    RoundStarted,
    ShardsDone,
    Tick,
    Waiting,
)
from yarnml.events.measurements import Measurement, ProcessUse
from yarnml.watch import facts, membership, plots
from yarnml.watch.numbers import MISSING, duration, number, seconds, size
from yarnml.watch.pace import pace
from yarnml.watch.run import Run
from yarnml.watch.runs import flat

MAX_PROCESSES = 24
"""Processes that a table shows one by one: of more those that stand out, the slowest of the newest round."""

MAX_EPOCHS = 200
"""Epochs in a table: of more the newest."""

MAX_EVENTS = 100
"""Events in a list: of more the newest."""


@dataclass(frozen=True)
class Table:
    """Rows of cells under heads.

    ``note``: a sentence about what is left out.  ``links``: addresses of the first cells, row by row; empty for none.
    """

    heads: list[str]
    rows: list[list[str]]
    note: str = ""
    links: Sequence[str] = ()


@dataclass(frozen=True)
class View:
    """All that a page shows.

    ``charts``: SVGs.  ``cause``: of a bad end, ``detail`` below it.  ``waiting``: for what the job waits.
    ``progress``: a sentence, and ``share``, from 0 to 1, the same as a number.
    """

    title: str
    state: str
    cause: str
    detail: str
    waiting: str
    progress: str
    share: float | None
    facts: list[tuple[str, str]]
    charts: list[str]
    epochs: Table
    summary: Table
    processes: Table
    events: Table
    job: Table


def view_of(run: Run, *, charts: bool = True) -> View:
    """Choose and arrange what a run's page shows; ``charts``: whether they are drawn."""
    return View(
        run.name,
        run.state,
        run.cause,
        run.end.detail if isinstance(run.end, Failure) else "",
        waiting(run),
        facts.progress(run),
        pace(run).share,
        facts.facts(run),
        [*filter(None, [*plots.learning(run), *plots.speed(run), *plots.machines(run)])] if charts else [],
        epochs_table(run),
        summary_table(run),
        processes_table(run),
        events_table(run),
        Table(["field", "value"], [[name, str(value)] for name, value in flat(run.job).items() if value]),
    )


def beginning(folder: str) -> View:
    """The page of a job that has not told anything yet."""
    name = folder.rstrip("/").rpartition("/")[2]
    empty = Table([], [])
    text = "The job begins; what it does is here in a few seconds."
    facts = [("folder", folder)]
    return View(name, "running", "", "", text, "", None, facts, [], empty, empty, empty, empty, empty)


def waiting(run: Run) -> str:
    """The sentence about what a running job waits for; empty where it goes on."""
    for entry in reversed(run.entries):
        if isinstance(entry.event, Waiting):
            return announcement(entry.event) if run.state == "running" else ""
        if isinstance(entry.event, RoundStarted | Tick | ShardsDone | EpochDone | End | Failure):
            break
    return ""


def epochs_table(run: Run) -> Table:
    """The newest epochs, one a row."""
    epochs = [epoch for _, epoch in run.epochs]
    newest = epochs[-MAX_EPOCHS:]
    names = [name for name in dict.fromkeys(n for e in newest for n in e.metrics) if "[" not in name]
    rows = [
        [str(e.epoch), str(e.step), number(e.loss), *(number(e.metrics.get(name)) for name in names)]
        for e in reversed(newest)
    ]
    note = f"The newest {MAX_EPOCHS} of {len(epochs):,} epochs." if len(epochs) > MAX_EPOCHS else ""
    return Table(["epoch", "step", "training loss", *names], rows, note)


def summary_table(run: Run) -> Table:
    """The processes summed up: a row for each measure, over all of a role, and one for each phase of a step."""
    rows = []
    uses = [use for _, use in run.processes]
    for role in dict.fromkeys(use.role for use in uses):
        of_role = [use for use in uses if use.role == role]
        rows.append([f"{role}: memory", *_spread([use.memory for use in of_role], size)])
        rows.append([f"{role}: busy cores", *_spread([use.cpu for use in of_role], number)])
        if any(use.sent for use in of_role):
            rows.append([f"{role}: bytes sent", *_spread([use.sent for use in of_role], size)])
    if run.rounds:
        for phase, taken in run.rounds[-1][1].seconds.items():
            rows.append([f"newest round: {phase}", *_spread(taken, seconds)])
    return Table(["", "processes", "least", "median", "most"], rows)


def _spread(values: Iterable[float], show: Callable[[float], str]) -> list[str]:
    listed = sorted(values)
    return [f"{len(listed):,}", show(listed[0]), show(median(listed)), show(listed[-1])]


def processes_table(run: Run) -> Table:
    """Processes one by one: all of them, or those that stand out."""
    busy = slowest(run)
    uses = sorted(run.processes, key=lambda pair: (-busy.get(_key(pair[1]), 0.0), pair[1].role, pair[1].index))
    shown = uses[:MAX_PROCESSES]
    members = membership.present(run)
    logs = membership.logs(run)
    rows = [
        [*_process_row(use, busy.get(_key(use))), _state(_key(use) in members, run.entries[-1].time - when)]
        for when, use in shown
    ]
    note = ""
    if len(uses) > MAX_PROCESSES:
        note = f"The slowest {MAX_PROCESSES} of {len(uses):,} processes in the newest round; all are in the sums above."
    heads = ["process", "host", "shards", "memory", "cores", "sent", "GPU", "compute", "state"]
    return Table(heads, rows, note, [logs.get(_key(use), "") for _, use in shown])


def slowest(run: Run) -> dict[str, float]:
    """The seconds that each worker read and computed in the newest round, by its name."""
    if not run.rounds:
        return {}
    newest = run.rounds[-1][1]
    phases = [newest.seconds[phase] for phase in ("read", "compute") if phase in newest.seconds]
    return {f"worker {w}": sum(values) for w, *values in zip(newest.workers, *phases, strict=True)}


def _key(use: ProcessUse) -> str:
    return f"{use.role} {use.index}"


def _state(is_here: bool, age: float) -> str:
    return "takes part" if is_here else f"left {duration(age)} before"


def _process_row(use: ProcessUse, busy: float | None) -> list[str]:
    gpu = MISSING if use.gpu is None else f"{100 * use.gpu:.0f} %, {size(use.gpu_memory or 0)}"
    work = MISSING if busy is None else seconds(busy)
    return [_key(use), use.host, str(use.shards), size(use.memory), number(use.cpu), size(use.sent), gpu, work]


def events_table(run: Run) -> Table:
    """Announcements, the newest first; epochs have a table of their own."""
    zero = run.entries[0].time
    announced = [(entry.time, entry.event) for entry in run.entries if _is_announced(entry.event)]
    rows = [[f"+{duration(when - zero)}", _words(event)] for when, event in reversed(announced[-MAX_EVENTS:])]
    note = f"The newest {MAX_EVENTS} of {len(announced):,}." if len(announced) > MAX_EVENTS else ""
    return Table(["time", "event"], rows, note)


def _is_announced(event: Event) -> bool:
    return not isinstance(event, Tick | RoundStarted | ShardsDone | EpochDone | Measurement)


def _words(event: Event) -> str:
    match event:
        case Outcome():
            return f"done: {event.epochs} epochs, step {event.step}"
        case Predicted() | EvaluationResult() | ExplanationResult() | LookResult():
            return f"done: {event.rows:,} rows"
    assert not isinstance(event, Tick | RoundStarted | ShardsDone | Measurement)
    return announcement(event)
