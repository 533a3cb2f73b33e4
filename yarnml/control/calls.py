"""Calls of any process to the master, and the master's replies.

Tensors never travel in these messages; they go between workers and reducers (`yarnml.reduce.wire`).
"""

from msgspec import Struct, field

from yarnml.control.commands import Assignment
from yarnml.control.message import Message
from yarnml.control.reports import Report, Saved
from yarnml.control.roles import ProcessId
from yarnml.events.events import Event, Tick

# Calls: any process → master


class Poll(Message, frozen=True):
    """A report on the last command, which asks for the next one.

    ``generation``: of the assignment that ``report`` answers; 0 to join.
    """

    process: ProcessId
    generation: int
    report: Report


class Progress(Struct, frozen=True, array_like=True):
    """The progress of a worker within an assignment.

    Attributes:
        generation: of the assignment.
        step: the newest finished step.
        loss: the mean loss of that step.
        rows: of the round so far.
        batches: mapped since the worker's start.
        at: the step whose tasks it maps.
        mapped: how many of its own tasks of that step are done.
        tasks: mapped since the worker's start.
        busy: seconds since the worker's start in which it did not wait for other workers.
    """

    generation: int = 0
    step: int = 0
    loss: float = 0.0
    rows: int = 0
    batches: int = 0
    at: int = -1
    mapped: int = 0
    tasks: int = 0
    busy: float = 0.0


class Usage(Struct, frozen=True, array_like=True):
    """The use that a process makes of its machine; the fields are those of `yarnml.events.measurements.ProcessUse`."""

    memory: int
    cpu: float
    sent: int = 0
    gpu: float | None = None
    gpu_memory: int | None = None


class Heartbeat(Message, frozen=True):
    """A sign of life, with the sender's progress.

    ``generation``: the newest that the sender has heard of; the reply may wait for another one.  ``saved``: the newest
    checkpoint that it has written beside the training.  ``usage``: now and then.
    """

    process: ProcessId
    generation: int = 0
    progress: Progress = Progress()
    saved: Saved | None = None
    usage: Usage | None = None


class RequestBackup(Message, frozen=True):
    """A worker that waits for other workers at a step asks for a task of theirs.

    Without ``copy`` only for tasks that have not begun.
    """

    index: int
    generation: int
    step: int
    copy: bool


class Resize(Message, frozen=True):
    """A user's wish for other numbers of processes; None leaves a role as it is.  ``user``: by their own word."""

    workers: int | None = None
    reducers: int | None = None
    user: str = "the user"


class FollowEvents(Message, frozen=True, tag="Follow"):
    """A request for the newest events.  ``seen``: how many the caller has; ``step``: of the newest tick it has."""

    seen: int
    step: int


Call = Poll | Heartbeat | RequestBackup | Resize | FollowEvents


# Replies: master → any process


class HeartbeatReply(Message, frozen=True):
    """News for the sender of a heartbeat.

    ``generation``: the newest; a process that is still in an earlier one gives that up.  ``given``: shards of the
    sender that other workers compute at ``step``; it leaves out those that it has not begun.
    """

    generation: int = 0
    step: int = -1
    given: list[int] = field(default_factory=list)


class BackupTask(Message, frozen=True):
    """The shard to compute a copy of, if any."""

    shard: int | None


class Resized(Message, frozen=True):
    """The answer for the user: the numbers of processes from now on, or with ``refused`` the reason against it."""

    text: str
    refused: bool = False


class EventBatch(Message, frozen=True, tag="News"):
    """The events after those that were seen, and the newest tick; ``over``: no more will come."""

    events: list[Event]
    tick: Tick | None
    over: bool


Reply = Assignment | HeartbeatReply | BackupTask | Resized | EventBatch
