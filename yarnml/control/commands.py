"""Commands of the master to its workers, and the assignment that says who carries one out.

Each worker brings the report of its last command (`yarnml.control.reports`) and takes the next one
(`yarnml.control.calls.Poll`).
"""

from typing import Any

import pyarrow as pa
from msgspec import field

from yarnml.control.evaluation import Calibrate as Calibrate
from yarnml.control.evaluation import CountRows as CountRows
from yarnml.control.evaluation import Evaluate as Evaluate
from yarnml.control.holders import Holders
from yarnml.control.look import DescribeColumns as DescribeColumns
from yarnml.control.message import Message
from yarnml.control.scoring import DrawSample as DrawSample
from yarnml.control.scoring import EvaluateModel as EvaluateModel
from yarnml.control.scoring import ExplainFeatures as ExplainFeatures
from yarnml.control.scoring import ExplainRows as ExplainRows
from yarnml.control.scoring import FindGroups as FindGroups
from yarnml.control.scoring import Predict as Predict
from yarnml.control.scoring import QuantiseModel as QuantiseModel
from yarnml.control.scoring import Scoring as Scoring
from yarnml.data.base import Dataset
from yarnml.data.schema import Schema
from yarnml.job.spec import Job
from yarnml.job.start import Start


class Initialize(Message, frozen=True):
    """Take in a training: all that a worker needs to know of it before anything else.

    Attributes:
        datasets: by name, without any rows.
        stored: by name of the dataset, the schema of its files in Arrow's IPC format.
        shards: into how many the training data is cut.
    """

    job: Job
    datasets: dict[str, Dataset]
    stored: dict[str, bytes]
    shards: int

    @property
    def folder(self) -> str:
        """The name of the training: no two of one crew have the same folder."""
        return str(self.job.checkpoint.path)

    @property
    def is_search(self) -> bool:
        """True where other trainings on the same rows come next, those of a search."""
        return self.job.search is not None


class Survey(Message, frozen=True):
    """Find in the training data what the schema lacks: the classes, and what the steps of columns learn next."""

    schema: Schema


class FitScaling(Message, frozen=True):
    """Fit the scalings of features and label on the training data."""

    schema: Schema


class Build(Message, frozen=True):
    """Make the learner and its first state, or take the state after ``step`` from a checkpoint's folder.

    ``start``: an earlier training that the first state is made of.
    """

    schema: Schema
    step: int = 0
    restore: str | None = None
    start: Start | None = None


class Check(Message, frozen=True):
    """Read a dataset that is not trained on, and refuse rows that could not be evaluated later."""

    dataset: str


class WarmUp(Message, frozen=True):
    """To one newcomer: take in the job, and make everything but the state, while the others go on."""

    begin: Initialize
    schema: Schema | None


class ReportPosition(Message, frozen=True):
    """Report how far the state of this training is, after a change of membership.

    ``folder``: names the training, see `Initialize.folder`.
    ``has_owners``: the worker that leads also tells which parts of its table the processes keep.
    """

    folder: str
    has_owners: bool = False


class SyncState(Message, frozen=True):
    """Bring the state to that of one worker.

    Attributes:
        begin: for workers that have not taken in the training yet.
        step: whose state is wanted; a worker at another step fetches the state.
        loss: the epoch's sum so far, of the losses.
        weight: the same, of the weights.
        source: the worker that has the state.
        address: where it serves the state.
        parts: of its table, and the processes that keep them from now on, if others do: they go to the step, too.
        kept: for each part, the processes that have its rows after this step or the next.
        residuals: shard → where its residual before this step is served.
    """

    begin: Initialize
    schema: Schema
    step: int
    loss: float
    weight: float
    source: int
    address: str
    parts: list[Holders] = field(default_factory=list)
    kept: list[list[str]] = field(default_factory=list)
    residuals: dict[int, str] = field(default_factory=dict)


class Train(Message, frozen=True):
    """Train the steps ``first`` … ``last`` - 1, counted over the whole job.

    Attributes:
        loss: the epoch's sum so far, of the losses.
        weight: the same, of the weights.
        profile: whether every worker writes a trace of the first steps into the job's folder.
    """

    first: int
    last: int
    loss: float = 0.0
    weight: float = 0.0
    profile: bool = False


class Restore(Message, frozen=True):
    """Take the learner's state after ``step`` from a checkpoint's folder."""

    step: int
    folder: str


class Save(Message, frozen=True):
    """Write the state into a folder that the master commits; with ``beside`` while the training goes on.

    ``since``: the step of an earlier checkpoint, if only what changed of a table since then shall be written.
    """

    folder: str
    beside: bool = False
    since: int | None = None


class AwaitSave(Message, frozen=True):
    """Wait for the state that is being written beside the training."""


class Export(Message, frozen=True):
    """Write the model into a folder that the master commits; ``about`` goes into model.json."""

    folder: str
    about: dict[str, Any]


class Stop(Message, frozen=True):
    """Leave: the job is over."""


class Idle(Message, frozen=True):
    """Poll again: there is nothing to do yet."""


Command = (
    Initialize
    | Survey
    | FitScaling
    | Build
    | Check
    | WarmUp
    | ReportPosition
    | SyncState
    | Train
    | Evaluate
    | Calibrate
    | CountRows
    | Restore
    | Save
    | AwaitSave
    | Export
    | Predict
    | FindGroups
    | EvaluateModel
    | DrawSample
    | ExplainFeatures
    | ExplainRows
    | QuantiseModel
    | DescribeColumns
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
    shards: dict[int, list[int]] = field(default_factory=dict)
    reducers: list[str] = field(default_factory=list)
    workers: dict[int, str] = field(default_factory=dict)
    levels: int | None = None

    @classmethod
    def idle(cls, generation: int) -> "Assignment":
        """Nothing to do for now; ``generation``: the newest that the process has carried out."""
        return cls(generation, Idle())


def ipc(schema: pa.Schema) -> bytes:
    """Encode an Arrow schema for `Initialize`."""
    return bytes(schema.serialize())


def from_ipc(data: bytes) -> pa.Schema:
    """Decode an Arrow schema of `Initialize`."""
    return pa.ipc.read_schema(pa.py_buffer(data))
