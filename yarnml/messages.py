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
    """Make the learner and its first state, or take the state from a checkpoint folder."""

    schema: Schema
    restore: str | None = None


class Scale(_Message, frozen=True):
    """Fit the feature scaling on the training data."""

    schema: Schema


class Train(_Message, frozen=True):
    """Steps ``first`` … ``last`` - 1, counted over the whole job."""

    first: int
    last: int


class Evaluate(_Message, frozen=True):
    dataset: str


class Restore(_Message, frozen=True):
    """Take the learner's state from a checkpoint folder."""

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


Command = Begin | Survey | Build | Scale | Train | Evaluate | Restore | Save | Export | Stop | Wait


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
    """Sums over the round's steps; seconds after its first update, and by phase: read, compute, exchange, update."""

    loss: float
    weight: float
    after_first: float
    seconds: dict[str, float]


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


Report = Joined | Done | Surveyed | Built | Trained | Evaluated | Written | Failed


# Calls: any process → master


class Meet(_Message, frozen=True):
    """``number`` is the meeting that ``report`` answers; 0 to join."""

    role: str
    index: int
    number: int
    report: Report


class Beat(_Message, frozen=True):
    """A sign of life: the newest finished step, its mean loss, the rows of the round, and batches mapped so far."""

    role: str
    index: int
    step: int = 0
    loss: float = 0.0
    rows: int = 0
    batches: int = 0


class Follow(_Message, frozen=True):
    """What happened since?  ``seen``: how many events the asker has; ``step``: of the newest tick it has."""

    seen: int
    step: int


Call = Meet | Beat | Follow


# Replies: master → any process


class Meeting(_Message, frozen=True):
    """A command and who takes part: worker index → its shards, and the addresses that reduce, in slice order."""

    number: int
    command: Command
    shards: dict[int, list[int]]
    reducers: list[str]


class Ack(_Message, frozen=True):
    """``number``: of the newest meeting; whoever is still in an earlier one gives it up."""

    number: int = 0


class News(_Message, frozen=True):
    """The events after those that were seen, and the newest tick; ``over``: no more will come."""

    events: list[Event]
    tick: Tick | None
    over: bool


Reply = Meeting | Ack | News


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
decode_hello = msgspec.msgpack.Decoder(Hello).decode
