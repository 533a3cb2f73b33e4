"""Reports of the workers to the master: the answers to its commands (`yarnml.control.commands`)."""

from msgspec import field

from yarnml.control.holders import Holders, KeptPart
from yarnml.control.message import Message
from yarnml.control.staleness import Staleness
from yarnml.data.calibration import Calibration
from yarnml.data.look.counts import ColumnCounts
from yarnml.data.survey import Findings
from yarnml.events.measurements import Histogram


class Joined(Message, frozen=True):
    """The first report of a process, before any command.

    Attributes:
        address: where it reduces, ``host:port``.
        version: of its yarnml.
        host: the machine, as the cluster names it.
    """

    address: str
    version: str
    host: str = ""


class Done(Message, frozen=True):
    """The command is carried out, and there is nothing to say about it."""


class Surveyed(Message, frozen=True):
    """The answer to ``Survey``, over this worker's shards."""

    findings: Findings


class Built(Message, frozen=True):
    """The answer to ``Build``.

    Attributes:
        parameters: numbers in the model.
        steps: of one epoch.
        content: what an earlier training gave to the first state, in words; empty without one.
        parts: of the table, and the processes that keep them; none where every worker has all of it.
    """

    parameters: int
    steps: int
    content: str = ""
    parts: list[Holders] = field(default_factory=list)


class SumSize(Message, frozen=True):
    """The size of a worker's sums: the numbers in them, and the bytes that these take on their way."""

    numbers: int
    bytes: int


class Trained(Message, frozen=True):
    """The answer to ``Train``.

    Attributes:
        loss: the sum over the epoch's steps so far.
        weight: the same, of the rows' weights.
        after_first: seconds since the first update.
        seconds: by phase of a step.
        digest: of the state, the same on every worker.
        done: True where the learner has nothing more to learn.
        remarks: what a user should be told of the model, of the worker that leads alone.
        differing: a sentence about a part of the table that two processes keep with different rows, of that worker.
        staleness: of the sums of an asynchronous round, of that worker.
        sum_size: of the round's first sums; None of a round without a step.
        memory: the most bytes that the process had so far.
    """

    loss: float
    weight: float
    after_first: float
    seconds: dict[str, float]
    digest: str
    done: bool = False
    remarks: list[str] = field(default_factory=list)
    differing: str = ""
    staleness: Staleness | None = None
    sum_size: SumSize | None = None
    memory: int = 0


class StatePosition(Message, frozen=True):
    """The steps that a worker's state has behind it, -1 without a state, and the epoch's sums so far.

    ``kept``: by address, the parts of the table that processes keep; of the worker that leads, where it was asked.
    ``residuals``: shard → the steps before which this worker has its residual.
    """

    step: int
    loss: float
    weight: float
    kept: dict[str, list[KeptPart]] = field(default_factory=dict)
    residuals: dict[int, list[int]] = field(default_factory=dict)


class FellBehind(Message, frozen=True):
    """The other workers went on with copies of this worker's tasks, and the totals that it lacks are gone."""


class Evaluated(Message, frozen=True):
    """The answer to ``Evaluate``."""

    metrics: dict[str, float]


class Predicted(Message, frozen=True):
    """The answer to ``Predict``: the rows of all shards, and how many of them have no prediction."""

    rows: int
    nulls: int


class GroupNames(Message, frozen=True):
    """The answer to ``FindGroups``: the values in this worker's shards, as text."""

    groups: list[str]


class ColumnsDescribed(Message, frozen=True):
    """The answer to ``DescribeColumns``: what each column holds in this worker's shards."""

    counts: list[ColumnCounts]


class ModelMetrics(Message, frozen=True):
    """The answer to ``EvaluateModel``: the weight of all rows, their metrics, and those of each group."""

    weight: float
    metrics: dict[str, float]
    groups: dict[str, dict[str, float]]


class Explained(Message, frozen=True):
    """The answer to the commands that explain a model.

    ``arrays``: of the worker that leads, as the bytes of a safetensors file; empty of others.
    ``method``: of SHAP values.
    """

    arrays: bytes
    method: str = ""


class Calibrated(Message, frozen=True):
    """The answer to ``Calibrate``, over all shards."""

    calibration: Calibration


class RowsCounted(Message, frozen=True):
    """The answer to ``CountRows``, over all shards.

    Attributes:
        columns: names of the features that are counted, and of the predictions behind them.
        sums: [columns, bins], rows in each bin; or without edges [3, columns], their number, Σ x and Σ x².
    """

    columns: list[str]
    sums: list[list[float]]


class Saved(Message, frozen=True):
    """The state is in the folder.

    ``files``: file name → SHA-256.  ``histograms``: of its parameters, where the job asks for them.
    """

    folder: str
    files: dict[str, str]
    histograms: dict[str, Histogram] = field(default_factory=dict)


class Failed(Message, frozen=True):
    """The command failed.  ``error``: the name of a class in `yarnml.errors`; ``detail``: a log or traceback."""

    error: str
    text: str
    detail: str = ""


Report = (
    Joined
    | Done
    | Surveyed
    | Built
    | Trained
    | StatePosition
    | FellBehind
    | Evaluated
    | Calibrated
    | RowsCounted
    | Predicted
    | GroupNames
    | ColumnsDescribed
    | ModelMetrics
    | Explained
    | Saved
    | Failed
)
