"""How a job stands: what YARN says of its application, and what the job itself has told.  Nobody is asked here."""

import time
from collections.abc import Iterable, Sequence

from msgspec import Struct

from yarnml.clusters.yarn.observe.processes import Place
from yarnml.events.events import (
    Continued,
    EpochDone,
    Event,
    Failure,
    Outcome,
    Planned,
    ProcessJoined,
    ProcessLost,
    RoundStarted,
    Tick,
    TrialDone,
    Waiting,
)
from yarnml.events.text import columns, count_of, format_metrics


class Application(Struct, frozen=True):
    """What YARN knows.  ``state``: where it stands, or how it ended; times in seconds since 1970, 0 for not yet.

    ``progress``: from 0 to 1.
    """

    id: str
    name: str
    user: str
    queue: str
    state: str
    live: bool
    url: str
    diagnostics: str
    started: float
    finished: float
    progress: float


class Training(Struct):
    """What a job has told of itself.  ``trained``: of so many ``trainings`` of a search."""

    round: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    workers: int = 0
    epoch: int = 0
    epochs: int = 0
    trained: int = 0
    trainings: int = 0
    metrics: dict[str, float] = {}
    waiting: str = ""
    lost: list[str] = []
    outcome: Outcome | None = None
    failure: Failure | None = None


class Status(Struct, frozen=True):
    application: Application
    training: Training
    containers: list[Place]


def training(events: Iterable[Event], tick: Tick | None = None) -> Training:
    """The sum of all events, those of earlier attempts first, and of the newest step."""
    found = Training()
    for event in events:
        match event:
            case Planned():
                found.waiting = "the workers start"
            case Waiting(workers, wanted, reason):
                found.workers = workers
                found.waiting = f"{workers} of {wanted} workers are here" + (f"; {reason}" if reason else "")
            case ProcessLost(why):
                found.lost = [*found.lost, why]
            case ProcessJoined(workers, _):
                found.workers = workers
            case Continued(step, _, _):
                found.step = step
            case RoundStarted(number, first, _, steps):
                found.round, found.step, found.steps, found.waiting = number + 1, first, steps, ""
            case EpochDone(epoch, epochs, step, loss, metrics):
                found.epoch, found.epochs, found.step = epoch, epochs, step
                found.loss, found.metrics = loss, metrics
            case TrialDone(done, trainings):
                found.trained, found.trainings = done, trainings
            case Outcome():
                found.outcome, found.waiting = event, ""
                found.step = event.step
            case Failure():
                found.failure, found.waiting = event, ""
    if tick:
        found.workers = tick.workers
        if tick.step >= found.step:
            found.step, found.loss = tick.step, tick.loss
    return found


def listed(applications: Sequence[Application]) -> str:
    """One line an application."""
    heads = ("application", "name", "state", "progress", "queue", "started")
    return columns([heads, *((a.id, a.name, a.state, _percent(a), a.queue, clock(a.started)) for a in applications)])


def described(status: Status) -> str:
    """Everything about a job, one fact a line."""
    application, told = status.application, status.training
    facts = [("application", f"{application.id}  {application.name}"), ("state", application.state)]
    facts += [("queue", f"{application.queue}, user {application.user}"), ("started", clock(application.started))]
    if application.finished:
        facts.append(("ended", clock(application.finished)))
    if told.waiting and application.live:
        facts.append(("waiting", told.waiting))
    if told.steps or told.step:
        loss = f", loss {told.loss:.4g}" if told.loss is not None else ""
        at = f", {count_of(told.workers, 'worker')}" if told.workers and application.live else ""
        facts.append(("training", f"round {told.round}, step {told.step}/{told.steps}{loss}{at}"))
    if told.trainings:
        facts.append(("search", f"{told.trained} of {told.trainings} trainings are done"))
    if told.epoch:
        facts.append(
            ("epoch", f"{told.epoch}/{told.epochs}{'  ' + format_metrics(told.metrics) if told.metrics else ''}")
        )
    if told.outcome:
        facts += [(name, format_metrics(metrics)) for name, metrics in told.outcome.metrics.items()]
        facts += [("checkpoint", told.outcome.checkpoint), ("model", told.outcome.export or "")]
    facts += [("lost", why) for why in told.lost[-3:]]
    if told.failure:
        facts.append(("error", told.failure.text))
    elif application.diagnostics:
        facts.append(("diagnostics", application.diagnostics))
    facts.append(("shown at", application.url))
    lines = columns([fact for fact in facts if fact[1]])
    rows = [(p.role, str(p.index), p.state, p.host, p.container, p.why) for p in status.containers]
    return lines + ("\n\n" + columns([("role", "index", "state", "host", "container", ""), *rows]) if rows else "")


def clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else ""


def _percent(application: Application) -> str:
    return f"{100 * application.progress:.0f} %" if application.live else ""
