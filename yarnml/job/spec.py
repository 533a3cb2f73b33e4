"""The job file as types: every section and field, its default and its bounds.

Construct a Job through `yarnml.job.load.load_job`: msgspec checks types while decoding, not in plain construction.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from yarnml.events.redaction import hide, hide_passwords
from yarnml.job.acls import Acls
from yarnml.job.base import packages
from yarnml.job.data import ClassWeights as ClassWeights
from yarnml.job.data import Data as Data
from yarnml.job.evaluation import Evaluation as Evaluation
from yarnml.job.fields import (
    LARGEST_DELAY,
    LARGEST_STALENESS,
    MetricName,
    Name,
    NonNegative,
    Number,
    Period,
    PositiveInt,
    Section,
    Shards,
    Url,
    Whole,
)
from yarnml.job.fields import size_in_bytes as size_in_bytes
from yarnml.job.learners import Options
from yarnml.job.metrics import named, requested
from yarnml.job.monitor import Monitor
from yarnml.job.processes import EnvironmentSpec as EnvironmentSpec
from yarnml.job.processes import Master as Master
from yarnml.job.processes import Reducers as Reducers
from yarnml.job.processes import Workers as Workers
from yarnml.job.top_k import TopK as TopK

Gradients = Literal["float32", "bfloat16", "int8", "int4", "top_k"]
State = Literal["replicated", "sharded"]


class EarlyStopping(Section, frozen=True, kw_only=True):
    """Stop at an evaluation whose ``metric`` has not improved by ``min_delta`` for ``patience`` epochs."""

    metric: MetricName = "loss"
    patience: PositiveInt = 3
    min_delta: NonNegative = 0.0
    restore_best: bool = True


class Training(Section, frozen=True, kw_only=True):
    """The length of the training, and the portions of rows that its steps take.

    ``epochs`` and ``batch_size``: where they are not given, the learner or the number of rows decides, see
    `yarnml.job.length`.
    ``batch_size``: most rows of one step over all shards, or ``full`` for one step per pass over the data.
    ``micro_batch_size``: most rows that a worker maps at once, where those of a step need too much memory.
    ``gradients``: what they are rounded to before they are added up, and after every addition; or ``top_k``, by which
    only the largest numbers of each travel, and ``top_k`` says how many.
    ``state``: ``replicated``: every worker has all of it, or ``sharded``: each has a part of a learner's table, or of
    its parameters and the optimizer's state.
    ``consistency``: whether an update has the sums of all shards, or, ``asynchronous``, a table's owners apply those of
    each worker when they come.  ``staleness``: the most whole steps that these may then be stale; None: any number.
    ``delay``: how many steps before that of its update a sum is computed, so that it travels beside their computing.
    ``local_steps``: updates of every shard on rows of its own, of ``batch_size`` rows over all shards each, from one
    all-reduce to the next.  ``outer``: the optimizer that then takes the mean distance of the shards for a gradient;
    the average of their parameters without one.
    ``shards``: parts the training data is cut into; part of the result, so fixed at a job's first start.
    ``shuffle_rows``: row groups are shuffled, then rows within runs of row groups of at most this many rows.
    """

    epochs: PositiveInt | None = None
    batch_size: PositiveInt | Literal["full"] | None = None
    micro_batch_size: PositiveInt | None = None
    gradients: Gradients = "float32"
    top_k: TopK | None = None
    state: State = "replicated"
    consistency: Literal["synchronous", "asynchronous"] = "synchronous"
    staleness: Annotated[int, Meta(ge=0, le=LARGEST_STALENESS)] | None = None
    delay: Annotated[int, Meta(ge=0, le=LARGEST_DELAY)] = 0
    local_steps: PositiveInt = 1
    outer: dict[str, Any] | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    shards: Shards | None = None
    shuffle_rows: PositiveInt = 65536
    early_stopping: EarlyStopping | None = None

    @property
    def last_epoch(self) -> int:
        """``epochs`` of a job whose data are known, so that it has a number."""
        assert self.epochs is not None
        return self.epochs

    @property
    def rows_per_step(self) -> int | Literal["full"]:
        """Most rows from one all-reduce to the next, or ``full``, of a job whose data are known."""
        assert self.batch_size is not None
        return "full" if self.batch_size == "full" else self.batch_size * self.local_steps


class Range(Section, frozen=True, kw_only=True):
    """Numbers to draw from, both ends included; whole ones where both ends are whole.

    ``scale``: ``linear``, or ``log`` for the same chance for every ratio.
    """

    low: Whole | Number = field(name="from")
    high: Whole | Number = field(name="to")
    scale: Literal["linear", "log"] = "linear"


class Search(Section, frozen=True, kw_only=True):
    """The job is trained several times, and at last with the values that did best.

    ``folds``: parts of the training rows, each of which judges what the others taught; without, the validation data
    does.  ``whole_groups``: no value of ``data.group`` has rows in two folds.
    ``over``: a field of the job file by its path → the values to try, or a range to draw from.
    ``method``: ``grid`` tries all combinations, ``random`` draws up to ``candidates`` different ones.
    """

    folds: Annotated[int, Meta(ge=2, le=1000)] | None = None
    whole_groups: bool = False
    over: dict[str, list[Any] | Range] = field(default_factory=dict)
    method: Literal["grid", "random"] = "grid"
    candidates: PositiveInt = 20
    metric: MetricName = "loss"


class Checkpoint(Section, frozen=True, kw_only=True):
    """``path``: the job's folder.  ``every``: a period; None for the learner's.  ``keep``: how many of the newest stay.

    ``full_every``: of so many, one has all rows of a sharded table, the others what changed since the one before.
    """

    path: Url | None = None
    every: Period | None = None
    keep: PositiveInt = 3
    full_every: Annotated[int, Meta(ge=1, le=1000)] = 1


class Export(Section, frozen=True, kw_only=True):
    """The model's folder.

    ``path``: of its versions.  ``version``: a number, or none for the next free one.
    ``keep``: how many of the newest versions stay, beside those that an alias names; none: all.
    ``sign``: the file of a private key, which signs the version.
    ``quantise``: smaller weights of a network; the usual metric may get worse by ``tolerance``, a part of it.
    """

    path: Url
    version: PositiveInt | None = None
    keep: PositiveInt | None = None
    sign: Url | None = None
    quantise: Literal["int8", "bfloat16"] | None = None
    tolerance: NonNegative = 0.01


class Job(Section, frozen=True, kw_only=True):
    """One training job, the same for every backend.

    ``start_from``: a model whose parameters the training begins with: a version, an alias of one, or the folder of its
    versions; or a job's folder, or one of its checkpoints.
    ``profile``: whether workers write a trace of some steps into the job's folder.
    """

    name: Name
    data: Data
    learner: Options
    start_from: Url | None = None
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search | None = None
    workers: Workers = Workers()
    reducers: Reducers = Reducers()
    master: Master = Master()
    queue: Annotated[str, Meta(min_length=1)] = "default"
    acls: Acls = Acls()
    environment: EnvironmentSpec = EnvironmentSpec()
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    monitor: Monitor = Monitor()
    export: Url | Export | None = None
    profile: bool = False

    def __post_init__(self) -> None:
        """Hide the job's secrets in every process that reads it."""
        hide(self.environment.variables.values())
        servers = [self.monitor.push, self.monitor.mlflow]
        hide_passwords(filter(None, [*self.urls.values(), *packages(self.environment).values(), *servers]))

    @property
    def scales(self) -> bool:
        """True where features are scaled before the learner sees them: ``data.scale`` or the learner asks for it."""
        has_words = self.learner.WORDS == "either" and any(step.ids for step in self.data.prepare)
        usual = "none" if has_words or self.data.has_only_keys else self.learner.scale
        scale = usual if self.data.scale == "auto" else self.data.scale
        return scale == "standard" or self.learner.scales

    @property
    def folder(self) -> str:
        """``checkpoint.path``, which a job that was loaded has."""
        return str(self.checkpoint.path)

    @property
    def folder_field(self) -> str:
        return "checkpoint.path"

    @property
    def modules(self) -> list[str]:
        """The user's own modules and packages: the model's file and ``environment.files``."""
        return list(dict.fromkeys([*filter(None, [self.learner.file]), *self.environment.files]))

    @property
    def shards(self) -> int:
        """The parts that the training data is cut into."""
        return self.training.shards or max(self.workers.count, self.workers.max or 0)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics to work out beside those of every evaluation."""
        return requested(named(self))

    @property
    def export_to(self) -> Export | None:
        """``export`` as a section, also where the job file gives only its path."""
        return Export(path=self.export) if isinstance(self.export, str) else self.export

    @property
    def urls(self) -> dict[str, str]:
        """Every place that the job reads or writes, by its field."""
        data = self.data
        target = self.export_to
        named = {"data.train": data.train, "data.validation": data.validation, "data.test": data.test}
        named |= {
            "data.follow.path": data.follow.path if data.follow else None,
            "start_from": self.start_from,
            "checkpoint.path": self.checkpoint.path,
            "export": target.path if target else None,
        }
        listed = {field: value if isinstance(value, list) else [value] for field, value in named.items()}
        return {
            field if n == 0 else f"{field}[{n}]": value
            for field, values in listed.items()
            for n, value in enumerate(values)
            if isinstance(value, str)
        }
