"""The status of a job: what YARN says of its application, and what the job's events tell.  Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from yarnml.clusters.yarn.observe.processes import ProcessInfo
from yarnml.events.events import (
    Continued,
    End,
    EpochDone,
    EvaluationResult,
    Event,
    ExplanationResult,
    Failure,
    LookResult,
    Outcome,
    Planned,
    Predicted,
    ProcessJoined,
    ProcessLost,
    RoundStarted,
    ShardsDone,
    Tick,
    TrialDone,
    Waiting,
)
from yarnml.events.submission import PageServed
from yarnml.events.text import columns, count_of, format_metrics, local_time

SHOWN_LOSSES = 3
"""Number of lost processes that a status names, the newest ones."""


class Application(Struct, frozen=True):
    """An application of YARN.

    ``state``: where it stands, or how it ended.
    ``live``: whether it waits or runs.
    ``url``: where YARN shows it.
    ``started``, ``finished``: in seconds since 1970; 0 for not yet.
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


class TrainingStatus(Struct):
    """The training of a job as far as its events have told.

    ``trained``: how many of the ``trainings`` of a search are done.
    ``shards_done``: of the ``shards`` of a job that applies a model.
    ``waiting``: for what, in words; empty for nothing.
    ``lost``: the reason for each lost process.
    ``page``: where the newest master shows the job; empty where it does not.
    """

    round: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    workers: int = 0
    epoch: int = 0
    epochs: int = 0
    trained: int = 0
    trainings: int = 0
    shards_done: int = 0
    shards: int = 0
    metrics: dict[str, float] = {}
    waiting: str = ""
    lost: list[str] = []
    outcome: End | None = None
    failure: Failure | None = None
    page: str = ""


class Status(Struct, frozen=True):
    """The status of a job; programs read these fields from ``yarnml status --json``."""

    application: Application
    training: TrainingStatus
    containers: list[ProcessInfo]


def training_status(events: Iterable[Event], tick: Tick | None = None) -> TrainingStatus:
    """The sum of the events of a job.

    ``events``: those of earlier attempts first.
    ``tick``: the newest step, if it is known.
    """
    status = TrainingStatus()
    for event in events:
        _add(status, event)
    if tick:
        status.workers = tick.workers
        if tick.step >= status.step:
            status.step = tick.step
            status.loss = tick.loss
    return status


def _add(status: TrainingStatus, event: Event) -> None:
    match event:
        case Planned():
            status.waiting = "the workers start"
        case Waiting(workers, target, reason):
            status.workers = workers
            status.waiting = f"{workers} of {target} workers are here" + (f"; {reason}" if reason else "")
        case PageServed(url):
            status.page = url
        case ProcessLost(why):
            status.lost = [*status.lost, why]
        case ProcessJoined(workers, _):
            status.workers = workers
        case Continued(step, _, _):
            status.step = step
        case RoundStarted():
            status.round = event.number + 1
            status.step = event.first
            status.steps = event.steps
            status.waiting = ""
        case EpochDone():
            status.epoch = event.epoch
            status.epochs = event.epochs
            status.step = event.step
            status.loss = event.loss
            status.metrics = event.metrics
        case ShardsDone(_, done, shards, workers):
            status.shards_done = done
            status.shards = shards
            status.workers = workers
            status.waiting = ""
        case TrialDone(done, trainings):
            status.trained = done
            status.trainings = trainings
        case Outcome():
            status.outcome = event
            status.step = event.step
            status.waiting = ""
        case Predicted() | EvaluationResult() | ExplanationResult() | LookResult():
            status.outcome = event
            status.waiting = ""
        case Failure():
            status.failure = event
            status.waiting = ""


def applications_table(applications: Sequence[Application], steps: Mapping[str, str]) -> str:
    """One line an application; ``steps``: the newest step and its loss of those where that is known."""
    heads = ("application", "name", "state", "progress", "step", "queue", "started")
    rows = [
        (a.id, a.name, a.state, _percent(a), steps.get(a.id, ""), a.queue, local_time(a.started)) for a in applications
    ]
    return columns([heads, *rows])


def describe_status(status: Status) -> str:
    """Everything about a job, one fact a line, and a table of its processes."""
    application = status.application
    facts = [("application", f"{application.id}  {application.name}"), ("state", application.state)]
    facts += [("queue", f"{application.queue}, user {application.user}"), ("started", local_time(application.started))]
    if application.finished:
        facts.append(("ended", local_time(application.finished)))
    facts += _training_facts(status.training, application.live)
    if status.training.failure:
        facts.append(("error", status.training.failure.text))
    elif application.diagnostics:
        facts.append(("diagnostics", application.diagnostics))
    facts.append(("shown at", application.url))
    if status.training.page and application.live:
        facts.append(("page", status.training.page))
    lines = columns([fact for fact in facts if fact[1]])
    rows = [(p.role, str(p.index), p.state, p.host, p.container, p.why) for p in status.containers]
    return lines + ("\n\n" + columns([("role", "index", "state", "host", "container", ""), *rows]) if rows else "")


def _training_facts(training: TrainingStatus, live: bool) -> list[tuple[str, str]]:
    facts = []
    if training.waiting and live:
        facts.append(("waiting", training.waiting))
    if training.steps or training.step:
        loss = f", loss {training.loss:.4g}" if training.loss is not None else ""
        workers = f", {count_of(training.workers, 'worker')}" if training.workers and live else ""
        facts.append(("training", f"round {training.round}, step {training.step}/{training.steps}{loss}{workers}"))
    if training.trainings:
        facts.append(("search", f"{training.trained} of {training.trainings} trainings are done"))
    if training.shards:
        facts.append(("shards", f"{training.shards_done} of {training.shards} are done"))
    if training.epoch:
        metrics = f"  {format_metrics(training.metrics)}" if training.metrics else ""
        facts.append(("epoch", f"{training.epoch}/{training.epochs}{metrics}"))
    outcome = training.outcome
    if isinstance(outcome, LookResult):
        facts.append(("output", outcome.output))
    elif isinstance(outcome, Predicted | EvaluationResult | ExplanationResult):
        facts += [("output", outcome.output), ("model", outcome.model)]
    elif outcome:
        facts += [(name, format_metrics(metrics)) for name, metrics in outcome.metrics.items()]
        facts += [("checkpoint", outcome.checkpoint), ("model", outcome.export or "")]
    return facts + [("lost", why) for why in training.lost[-SHOWN_LOSSES:]]


def _percent(application: Application) -> str:
    return f"{100 * application.progress:.0f} %" if application.live else ""
