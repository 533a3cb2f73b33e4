"""What any process says to the master, and what the master answers.

Tensors never travel in these messages; they go between workers and reducers (`yarnml.reduce.wire`).
"""

from msgspec import Struct, field

from yarnml.control.commands import Assignment, Message, Report, Saved
from yarnml.events.events import Event, Tick

# Calls: any process → master


class Poll(Message, frozen=True):
    """``generation`` is the meeting that ``report`` answers; 0 to join."""

    role: str
    index: int
    generation: int
    report: Report


class Progress(Struct, frozen=True, array_like=True):
    """How a worker gets on in a meeting.

    ``step``, ``loss``, ``rows``: the newest finished step, its mean loss, the rows of the round; ``batches``: mapped in
    its life; ``at``: the step whose tasks it maps, ``mapped``: how many of its own; ``tasks``: mapped in its life;
    ``busy``: seconds that it did not wait for others.
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


class Heartbeat(Message, frozen=True):
    """A sign of life.  ``heard``: the newest meeting that the process has heard of; the answer may wait for another.

    ``saved``: the newest checkpoint that it has written beside the training.
    """

    role: str
    index: int
    heard: int = 0
    progress: Progress = Progress()
    saved: Saved | None = None


class RequestBackup(Message, frozen=True):
    """A worker waits for others at a step: is there a task of theirs to compute?

    Without ``copy`` only tasks that have not begun.
    """

    index: int
    generation: int
    step: int
    copy: bool


class Resize(Message, frozen=True):
    """A user wants other numbers of processes; None leaves a role as it is."""

    workers: int | None = None
    reducers: int | None = None


class FollowEvents(Message, frozen=True, tag="Follow"):
    """What happened since?  ``seen``: how many events the asker has; ``step``: of the newest tick it has."""

    seen: int
    step: int


Call = Poll | Heartbeat | RequestBackup | Resize | FollowEvents


# Replies: master → any process


class HeartbeatReply(Message, frozen=True):
    """``generation``: of the newest meeting; whoever is still in an earlier one gives it up.

    ``given``: shards of the asker that others compute at ``step``; it leaves out those that it has not begun.
    """

    generation: int = 0
    step: int = -1
    given: list[int] = field(default_factory=list)


class Task(Message, frozen=True):
    """The shard to compute a copy of, if any."""

    shard: int | None


class Resized(Message, frozen=True):
    """What there is to say of it: the numbers that are wanted now, or with ``refused`` why nothing changes."""

    text: str
    refused: bool = False


class EventBatch(Message, frozen=True, tag="News"):
    """The events after those that were seen, and the newest tick; ``over``: no more will come."""

    events: list[Event]
    tick: Tick | None
    over: bool


Reply = Assignment | HeartbeatReply | Task | Resized | EventBatch
