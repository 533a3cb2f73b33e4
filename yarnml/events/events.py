"""The events of a job: facts that it tells its user while it runs."""

import importlib
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from yarnml.events.cluster import ProcessJoined as ProcessJoined
from yarnml.events.cluster import ProcessLost as ProcessLost
from yarnml.events.cluster import Resumed as Resumed
from yarnml.events.cluster import SizeChanged as SizeChanged
from yarnml.events.cluster import Waiting as Waiting
from yarnml.events.cluster import WorkerSuspended as WorkerSuspended
from yarnml.events.fact import Fact
from yarnml.events.measurements import Measurement
from yarnml.events.model_jobs import EvaluationResult as EvaluationResult
from yarnml.events.model_jobs import ExplanationResult as ExplanationResult
from yarnml.events.model_jobs import LookResult as LookResult
from yarnml.events.model_jobs import Predicted as Predicted
from yarnml.events.model_jobs import ShardsDone as ShardsDone
from yarnml.events.stream import BatchChanged as BatchChanged
from yarnml.events.stream import BatchJudged as BatchJudged
from yarnml.events.stream import BatchLearned as BatchLearned
from yarnml.events.stream import StreamEvent
from yarnml.events.stream import StreamWaiting as StreamWaiting
from yarnml.events.submission import PageServed, TimeLimit, UserAction
from yarnml.events.submission import Pending as Pending
from yarnml.events.submission import Submitted as Submitted


class Planned(Fact, frozen=True):
    """The job as it will run.  ``room``: for how many keys of a table there is memory, in a sentence."""

    name: str
    backend: str
    rows: dict[str, int]
    shards: int
    workers: int
    reducers: int
    room: str = ""


class LabelSummary(Fact, frozen=True):
    """The label as it was found, in a sentence: how many classes it has, or which numbers."""

    text: str


class Continued(Fact, frozen=True):
    """A checkpoint exists: training goes on after ``step``."""

    step: int
    epoch: float
    folder: str


class WarmStarted(Fact, frozen=True):
    """Training begins with ``content`` of the model or checkpoint in ``folder``."""

    folder: str
    content: str


class CheckpointTorn(Fact, frozen=True, tag="Torn"):
    """The checkpoint in ``folder`` is not what was written, ``why`` in words; that of step ``instead`` is used."""

    folder: str
    why: str
    instead: int


class Tick(Fact, frozen=True):
    """The newest finished step: its mean loss, the rows that the round has covered, and the workers at it."""

    step: int
    loss: float
    rows: int
    workers: int


class RoundStarted(Fact, frozen=True, tag="RoundBegins"):
    """Steps ``first`` … ``last`` - 1 of ``steps`` come next."""

    number: int
    first: int
    last: int
    steps: int


class EpochDone(Fact, frozen=True):
    """An epoch is trained, and evaluated where it is its turn.

    ``loss``: the mean over its rows as trained on.  ``metrics``, ``training``: of other rows and these; empty without.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    metrics: dict[str, float]
    training: dict[str, float] = field(default_factory=dict)


class Converged(Fact, frozen=True):
    """After ``epoch`` of ``epochs`` the learner has nothing more to learn; the epochs after it are not trained."""

    epoch: int
    epochs: int


class SearchStarted(Fact, frozen=True, tag="Searches"):
    """A search begins, or goes on after ``done`` trainings; ``folds``: None without cross-validation."""

    candidates: int
    folds: int | None
    metric: str
    done: int


class TrialDone(Fact, frozen=True, tag="Judged"):
    """A training of a search is over: number ``done`` of ``trainings``.

    ``values``: the fields of the job that it changes.  ``fold``: its number, from 0; None without cross-validation.
    ``value``: the metric's value; None where the candidate can't be trained, ``why`` in words.
    """

    done: int
    trainings: int
    values: dict[str, Any]
    fold: int | None
    metric: str
    value: float | None
    why: str = ""


class Ranked(Struct, frozen=True):
    """A candidate of a search, and its metric over the folds; None where it can't be trained."""

    values: dict[str, Any]
    mean: float | None
    deviation: float | None


class SearchDone(Fact, frozen=True, tag="Searched"):
    """A search is over: its candidates in order, and the number of the ``best``; it is trained on all rows now."""

    metric: str
    folds: int
    candidates: list[Ranked]
    best: int


class BestEpochChosen(Fact, frozen=True, tag="Settled"):
    """Early stopping chose the model of ``best_epoch``, out of ``epochs``.

    ``stopped``: whether training ended before its last epoch; ``restored``: whether the best model is kept.
    """

    epochs: int
    best_epoch: int
    metric: str
    stopped: bool
    restored: bool


class Outcome(Fact, frozen=True):
    """The good end of a job.

    ``metrics``: by part of the data, such as ``test``.
    ``seconds``: in ``total``, by phase of the steps, and from the start until planned, joined, …
    ``local``: the share of the training bytes that lay on the host of the worker that read them; None if not known.
    ``already``: had an earlier run finished it?  ``copied``: tasks computed twice; ``wasted``: their share of all.
    ``converged``: whether further epochs would change nothing; None for a learner that can't tell.
    ``remarks``: sentences about the model.  ``history``: a table by columns, see `yarnml.master.history`.
    """

    name: str
    step: int
    epochs: int
    metrics: dict[str, dict[str, float]]
    seconds: dict[str, float]
    checkpoint: str
    export: str | None = None
    local: float | None = None
    stopped_early: bool = False
    already: bool = False
    copied: int = 0
    wasted: float = 0.0
    converged: bool | None = None
    remarks: list[str] = field(default_factory=list)
    history: dict[str, list[float | None]] = field(default_factory=dict)

    def plot(self) -> Any:
        """Draw the history by epoch: a `yarnml.watch.curves.Curves`, which a notebook shows."""
        return importlib.import_module("yarnml.watch.curves").plot(self)  # by name: events know no view of them


class Failure(Fact, frozen=True):
    """The bad end of a job: the name of a class in `yarnml.errors`, its sentence, and its detail."""

    error: str
    text: str
    detail: str = ""


_ClusterEvent = Waiting | ProcessLost | WorkerSuspended | Resumed | SizeChanged | ProcessJoined
_SubmissionEvent = UserAction | Submitted | Pending | TimeLimit | PageServed
_PlanEvent = Planned | LabelSummary | Continued | WarmStarted | CheckpointTorn
_TrainingEvent = EpochDone | Converged | BestEpochChosen

End = Outcome | Predicted | EvaluationResult | ExplanationResult | LookResult
"""The good end of a job of any kind."""

_Search = SearchStarted | TrialDone | SearchDone
Announcement = _SubmissionEvent | _ClusterEvent | _PlanEvent | _TrainingEvent | End | Failure | _Search | StreamEvent
"""The events that a person reads one by one."""

Event = Announcement | RoundStarted | Tick | ShardsDone | Measurement
"""Any event: only announcements are read one by one, measurements only in a history (`yarnml.watch.history`)."""

Listener = Callable[[Event], None]
"""A function that hears every event of a job, in order."""
