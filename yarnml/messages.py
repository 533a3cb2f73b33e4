"""Everything that travels between processes, as types: parsed once, unknown fields refused.

The master leads *meetings*: each worker brings the report of the last command and takes the next one.  Tensors never
travel in these messages; they go between workers and reducers as `Part` headers with raw vectors behind them.
"""

import traceback
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from yarnml.data.base import Dataset
from yarnml.data.schema import Schema
from yarnml.errors import YarnmlError
from yarnml.events import Event, Tick
from yarnml.job import Job


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    pass


# Commands: master → workers


class Begin(_Message, frozen=True):
    """What every worker needs to know before anything else.  ``stored`` is an Arrow IPC schema."""

    job: Job
    datasets: dict[str, Dataset]
    stored: dict[str, bytes]
    shards: int


class Survey(_Message, frozen=True):
    """Collect the different labels of the training data."""

    schema: Schema


class Build(_Message, frozen=True):
    """Make the learner and its first state, or take the state after ``step`` from a checkpoint folder."""

    schema: Schema
    step: int = 0
    restore: str | None = None


class Prime(_Message, frozen=True):
    """To one newcomer: take in the job, and make everything but the state, while the others go on."""

    begin: Begin
    schema: Schema | None


class Regroup(_Message, frozen=True):
    """Say how far you are: some were lost, or others have come."""


class CatchUp(_Message, frozen=True):
    """Be where ``source`` is: whoever is not at ``step`` takes the state from its address."""

    begin: Begin
    schema: Schema
    step: int
    loss: float
    weight: float
    source: int
    address: str


class Scale(_Message, frozen=True):
    """Fit the feature scaling on the training data."""

    schema: Schema


class Train(_Message, frozen=True):
    """Steps ``first`` … ``last`` - 1, counted over the whole job; ``loss`` and ``weight``: the epoch's sums so far."""

    first: int
    last: int
    loss: float = 0.0
    weight: float = 0.0


class Evaluate(_Message, frozen=True):
    dataset: str


class Restore(_Message, frozen=True):
    """Take the learner's state after ``step`` from a checkpoint folder."""

    step: int
    folder: str


class Save(_Message, frozen=True):
    """Write the state into a folder that the master commits."""

    folder: str


class Export(_Message, frozen=True):
    """Write the model into a folder that the master commits; ``about`` goes into model.json."""

    folder: str
    about: dict[str, Any]


class Stop(_Message, frozen=True):
    pass


class Wait(_Message, frozen=True):
    """Nothing to do yet: meet again."""


Command = (
    Begin
    | Survey
    | Build
    | Prime
    | Scale
    | Train
    | Regroup
    | CatchUp
    | Evaluate
    | Restore
    | Save
    | Export
    | Stop
    | Wait
)


# Reports: workers → master


class Joined(_Message, frozen=True):
    """``address``: where this process reduces, ``host:port``; ``host``: the machine, as the cluster names it."""

    address: str
    version: str
    host: str = ""


class Done(_Message, frozen=True):
    pass


class Surveyed(_Message, frozen=True):
    labels: list[Any]


class Built(_Message, frozen=True):
    """``parameters``: numbers in the model; ``steps``: steps of one epoch."""

    parameters: int
    steps: int


class Trained(_Message, frozen=True):
    """Sums over the epoch's steps so far, and seconds: since the first update, and by phase of a step.

    ``digest``: of the state, the same on every worker.
    """

    loss: float
    weight: float
    after_first: float
    seconds: dict[str, float]
    digest: str


class Standing(_Message, frozen=True):
    """The steps that a worker's state has behind it, -1 without a state; the epoch's sums so far."""

    step: int
    loss: float
    weight: float


class Behind(_Message, frozen=True):
    """The others went on with copies of this worker's tasks, and the totals that it lacks are gone."""


class Evaluated(_Message, frozen=True):
    metrics: dict[str, float]


class Written(_Message, frozen=True):
    """What was written into the folder: file name → SHA-256.  Empty from workers that were not asked to write."""

    files: dict[str, str]


class Failed(_Message, frozen=True):
    """``error`` is the name of a class in `yarnml.errors`."""

    error: str
    text: str
    detail: str = ""


Report = Joined | Done | Surveyed | Built | Trained | Standing | Behind | Evaluated | Written | Failed


# Calls: any process → master


class Meet(_Message, frozen=True):
    """``number`` is the meeting that ``report`` answers; 0 to join."""

    role: str
    index: int
    number: int
    report: Report


class Pace(Struct, frozen=True, array_like=True):
    """How a worker gets on in a meeting.

    ``step``, ``loss``, ``rows``: the newest finished step, its mean loss, the rows of the round; ``batches``: mapped in
    its life; ``at``: the step whose tasks it maps, ``mapped``: how many of its own; ``tasks``: mapped in its life;
    ``busy``: seconds that it did not wait for others.
    """

    meeting: int = 0
    step: int = 0
    loss: float = 0.0
    rows: int = 0
    batches: int = 0
    at: int = -1
    mapped: int = 0
    tasks: int = 0
    busy: float = 0.0


class Beat(_Message, frozen=True):
    """A sign of life.  ``heard``: the newest meeting that the process has heard of; the answer may wait for another."""

    role: str
    index: int
    heard: int = 0
    pace: Pace = Pace()


class Spare(_Message, frozen=True):
    """A worker waits for others at a step: is there a task of theirs to compute?

    Without ``copy`` only tasks that have not begun.
    """

    index: int
    meeting: int
    step: int
    copy: bool


class Resize(_Message, frozen=True):
    """A user wants other numbers of processes; None leaves a role as it is."""

    workers: int | None = None
    reducers: int | None = None


class Follow(_Message, frozen=True):
    """What happened since?  ``seen``: how many events the asker has; ``step``: of the newest tick it has."""

    seen: int
    step: int


Call = Meet | Beat | Spare | Resize | Follow


# Replies: master → any process


class Meeting(_Message, frozen=True):
    """A command and who takes part: worker index → its shards, and the addresses that reduce, in slice order."""

    number: int
    command: Command
    shards: dict[int, list[int]]
    reducers: list[str]


class Ack(_Message, frozen=True):
    """``number``: of the newest meeting; whoever is still in an earlier one gives it up.

    ``given``: shards of the asker that others compute at ``step``; it leaves out those that it has not begun.
    """

    number: int = 0
    step: int = -1
    given: list[int] = []


class Task(_Message, frozen=True):
    """The shard to compute a copy of, if any."""

    shard: int | None


class Resized(_Message, frozen=True):
    """What there is to say of it: the numbers that are wanted now, or with ``refused`` why nothing changes."""

    text: str
    refused: bool = False


class News(_Message, frozen=True):
    """The events after those that were seen, and the newest tick; ``over``: no more will come."""

    events: list[Event]
    tick: Tick | None
    over: bool


Reply = Meeting | Ack | Task | Resized | News


class Part(Struct, frozen=True, array_like=True):
    """Header of one chunk of one subtree's vector slice.

    ``level`` and ``place`` name the subtree; the slice is cut into ``chunks`` chunks of elements of NumPy's ``dtype``.
    """

    meeting: int
    step: int
    shards: int
    level: int
    place: int
    chunk: int
    chunks: int
    dtype: str


class Hello(Struct, frozen=True, array_like=True):
    """Opens a stream to a reducer."""

    worker: int


class Refusal(Struct, frozen=True, array_like=True):
    """Why a reducer sends no more totals; ``late``: the step that was asked for is over."""

    reason: str
    late: bool


def failed(exc: Exception) -> Failed:
    """What to report about an exception: our own errors as they are, others with their traceback."""
    if isinstance(exc, YarnmlError):
        return Failed(type(exc).__name__, str(exc), exc.detail)
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else "no message"
    text = f"A worker failed with {type(exc).__name__}: {reason}"
    return Failed(YarnmlError.__name__, text, "".join(traceback.format_exception(exc)))


def ipc(schema: pa.Schema) -> bytes:
    return bytes(schema.serialize())


def from_ipc(data: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(data))


encode = msgspec.msgpack.Encoder().encode
decode_call = msgspec.msgpack.Decoder(Call).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_refusal = msgspec.msgpack.Decoder(Refusal).decode
decode_hello = msgspec.msgpack.Decoder(Hello).decode
