"""What a meeting is about: the commands of the master, and the reports of the workers.

Each worker brings the report of the last command and takes the next one (`yarnml.control.calls.Poll`).
"""

from typing import Any

import pyarrow as pa
from msgspec import Struct

from yarnml.data.base import Dataset
from yarnml.data.schema import Schema
from yarnml.data.survey import Findings
from yarnml.job.spec import Job


class Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """What travels between a process and its master: parsed once, unknown fields refused."""


# Commands: master → workers


class Initialize(Message, frozen=True):
    """What every worker needs to know of a training before anything else.  ``stored`` is an Arrow IPC schema."""

    job: Job
    datasets: dict[str, Dataset]
    stored: dict[str, bytes]
    shards: int

    @property
    def folder(self) -> str:
        """Names the training: no two of one crew have the same folder."""
        return str(self.job.checkpoint.path)

    @property
    def others(self) -> bool:
        """Whether other trainings on the same rows come next, those of a search."""
        return self.job.search is not None


class Survey(Message, frozen=True):
    """Find in the training data what the schema lacks: the classes, and what the steps of columns learn next."""

    schema: Schema


class Build(Message, frozen=True):
    """Make the learner and its first state, or take the state after ``step`` from a checkpoint folder."""

    schema: Schema
    step: int = 0
    restore: str | None = None


class WarmUp(Message, frozen=True):
    """To one newcomer: take in the job, and make everything but the state, while the others go on."""

    begin: Initialize
    schema: Schema | None


class ReportPosition(Message, frozen=True):
    """Say how far you are in the training of this folder: some were lost, or others have come."""

    folder: str


class SyncState(Message, frozen=True):
    """Be where ``source`` is: whoever is not at ``step`` takes the state from its address."""

    begin: Initialize
    schema: Schema
    step: int
    loss: float
    weight: float
    source: int
    address: str


class FitScaling(Message, frozen=True):
    """Fit the feature scaling on the training data."""

    schema: Schema


class Train(Message, frozen=True):
    """Steps ``first`` … ``last`` - 1, counted over the whole job; ``loss`` and ``weight``: the epoch's sums so far.

    ``profile``: whether every worker writes a trace of the first of them into the job's folder.
    """

    first: int
    last: int
    loss: float = 0.0
    weight: float = 0.0
    profile: bool = False


class Evaluate(Message, frozen=True):
    dataset: str


class Restore(Message, frozen=True):
    """Take the learner's state after ``step`` from a checkpoint folder."""

    step: int
    folder: str


class Save(Message, frozen=True):
    """Write the state into a folder that the master commits; with ``beside`` while the training goes on."""

    folder: str
    beside: bool = False


class AwaitSave(Message, frozen=True):
    """Wait for what is being written beside the training."""


class Export(Message, frozen=True):
    """Write the model into a folder that the master commits; ``about`` goes into model.json."""

    folder: str
    about: dict[str, Any]


class Stop(Message, frozen=True):
    pass


class Idle(Message, frozen=True):
    """Nothing to do yet: meet again."""


Command = (
    Initialize
    | Survey
    | Build
    | WarmUp
    | FitScaling
    | Train
    | ReportPosition
    | SyncState
    | Evaluate
    | Restore
    | Save
    | AwaitSave
    | Export
    | Stop
    | Idle
)


class Assignment(Message, frozen=True):
    """A command and the workers that carry it out, under a number that only grows.

    Attributes:
        generation: counts the master's commands.  Reports, parts of sums and heartbeats carry it, so that what belongs
            to an abandoned command is told from the current one.
        shards: worker → its shards, of every worker that takes part.
        reducers: addresses, in the order of their slices.
        workers: worker → its address.
        levels: of reducers, where the job says how many.
    """

    generation: int
    command: Command
    shards: dict[int, list[int]] = {}
    reducers: list[str] = []
    workers: dict[int, str] = {}
    levels: int | None = None

    @classmethod
    def idle(cls, generation: int) -> "Assignment":
        """Nothing to do for now; ``generation``: the newest that the process has carried out."""
        return cls(generation, Idle())


# Reports: workers → master


class Joined(Message, frozen=True):
    """``address``: where this process reduces, ``host:port``; ``host``: the machine, as the cluster names it."""

    address: str
    version: str
    host: str = ""


class Done(Message, frozen=True):
    pass


class Surveyed(Message, frozen=True):
    found: Findings


class Built(Message, frozen=True):
    """``parameters``: numbers in the model; ``steps``: steps of one epoch."""

    parameters: int
    steps: int


class Trained(Message, frozen=True):
    """Sums over the epoch's steps so far, and seconds: since the first update, and by phase of a step.

    ``digest``: of the state, the same on every worker; ``done``: the learner has nothing more to learn.
    """

    loss: float
    weight: float
    after_first: float
    seconds: dict[str, float]
    digest: str
    done: bool = False


class StatePosition(Message, frozen=True):
    """The steps that a worker's state has behind it, -1 without a state; the epoch's sums so far."""

    step: int
    loss: float
    weight: float


class FellBehind(Message, frozen=True):
    """The others went on with copies of this worker's tasks, and the totals that it lacks are gone."""


class Evaluated(Message, frozen=True):
    metrics: dict[str, float]


class Saved(Message, frozen=True):
    """The state is in the folder: file name → SHA-256."""

    folder: str
    files: dict[str, str]


class Failed(Message, frozen=True):
    """``error`` is the name of a class in `yarnml.errors`."""

    error: str
    text: str
    detail: str = ""


Report = Joined | Done | Surveyed | Built | Trained | StatePosition | FellBehind | Evaluated | Saved | Failed


def ipc(schema: pa.Schema) -> bytes:
    return bytes(schema.serialize())


def from_ipc(data: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(data))
