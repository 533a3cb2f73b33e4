"""The job file as types: every section and field, its default and its bounds.

Construct a Job through `yarnml.job.load.load_job`: msgspec checks types while decoding, not in plain construction.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from yarnml.job.learners import NonNegative, Options, PositiveInt
from yarnml.job.prepare import Step

Fraction = Annotated[float, Meta(gt=0, lt=1)]
Size = Annotated[str, Meta(pattern=r"^\d+(\.\d+)? ?([KMGT]i?B|B)$", description="a size such as '512 MiB'")]
Period = Annotated[str, Meta(pattern=r"^[1-9]\d* (epochs?|steps?)$", description="such as '1 epoch' or '500 steps'")]
Epochs = Annotated[str, Meta(pattern=r"^[1-9]\d* epochs?$", description="such as '1 epoch' or '10 epochs'")]
Url = Annotated[str, Meta(min_length=1)]
Urls = Url | Annotated[list[Url], Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0)]
ClassWeights = Literal["balanced"] | dict[str, NonNegative]
Gradients = Literal["float32", "bfloat16"]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="letters, digits, '.', '_', '-'")]


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Data(_Section, frozen=True, kw_only=True):
    """Where the rows are and what they mean.  Paths are fsspec URLs: a file, a folder, a glob, or a list of those.

    ``prepare``: steps that make numbers of columns, or better ones, before ``scale``; see docs/preparation.md.
    ``class_weights``: what the weight of a training row is multiplied by, for each class by its text.
    ``stratify``: the rows of a validation split have the classes in the same shares as the others.
    """

    train: Urls
    test: Urls | None = None
    validation: Fraction | Urls | None = None
    format: Literal["auto", "parquet", "csv"] = "auto"
    features: Annotated[list[str], Meta(min_length=1)]
    label: str | None = None
    label_type: Literal["auto", "class", "number"] = "auto"
    classes: Annotated[list[str | int | bool], Meta(min_length=1)] | None = None
    weight: str | None = None
    shape: Annotated[list[PositiveInt], Meta(min_length=1)] | None = None
    scale: Literal["none", "standard"] = "none"
    prepare: list[Step] = []
    class_weights: ClassWeights | None = None
    stratify: bool = False


class EarlyStopping(_Section, frozen=True, kw_only=True):
    """Stop at an evaluation whose ``metric`` has not improved by ``min_delta`` for ``patience`` epochs."""

    metric: str = "loss"
    patience: PositiveInt = 3
    min_delta: NonNegative = 0.0
    restore_best: bool = True


class Training(_Section, frozen=True, kw_only=True):
    """How long and in which portions.

    ``batch_size``: most rows of one step over all shards, or ``full`` for one step per pass over the data.
    ``micro_batch_size``: most rows that a worker maps at once, where those of a step need too much memory.
    ``gradients``: what they are rounded to before they are added up, and after every addition.
    ``shards``: parts the training data is cut into; part of the result, so fixed at a job's first start.
    ``shuffle_rows``: row groups are shuffled, then rows within runs of row groups of at most this many rows.
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt | Literal["full"] = 256
    micro_batch_size: PositiveInt | None = None
    gradients: Gradients = "float32"
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    shards: PositiveInt | None = None
    shuffle_rows: PositiveInt = 65536
    early_stopping: EarlyStopping | None = None


class Range(_Section, frozen=True, kw_only=True):
    """Numbers to draw from, both ends included; whole ones where both ends are whole.

    ``scale``: ``linear``, or ``log`` for the same chance for every ratio.
    """

    low: int | float = field(name="from")
    high: int | float = field(name="to")
    scale: Literal["linear", "log"] = "linear"


class Search(_Section, frozen=True, kw_only=True):
    """The job is trained several times, and at last with the values that did best.

    ``folds``: parts of the training rows, each of which judges what the others taught; without, the validation data
    does.  ``over``: a field of the job file by its path → the values to try, or a range to draw from.
    ``method``: ``grid`` tries all combinations, ``random`` draws up to ``candidates`` different ones.
    """

    folds: Annotated[int, Meta(ge=2)] | None = None
    over: dict[str, list[Any] | Range] = {}
    method: Literal["grid", "random"] = "grid"
    candidates: PositiveInt = 20
    metric: Literal["loss", "accuracy", "roc_auc", "rmse", "r2"] = "loss"


class Evaluation(_Section, frozen=True, kw_only=True):
    """``every``: so many epochs pass from one evaluation to the next; the last epoch always has one."""

    every: Epochs = "1 epoch"

    @property
    def period(self) -> int:
        """``every`` as a number of epochs."""
        return int(self.every.split()[0])


class Workers(_Section, frozen=True, kw_only=True):
    """The containers that map.  ``cache`` bounds the decoded rows a worker keeps in memory.

    ``min``: with room for fewer than ``count`` the job starts with so many, and takes the others as they come.
    ``wait``: seconds without room for ``min`` workers after which the job gives up and says what is missing.
    ``timeout``: seconds without a sign of life after which a worker counts as lost, five times as many at first.
    ``stall``: seconds in which no worker maps a batch, after which the job fails and says whom it waited for.
    ``backups``: idle workers compute copies of late tasks, and slow workers lose their shards to others for a while.
    ``backup_after``: seconds that a task is late at least; three times the usual time of a task, where that is longer.
    ``max_failures``: processes that may fail, all roles together, before the job does; preempted ones don't count.
    ``memory`` and ``node_label`` speak to a cluster's scheduler; local processes have no use for them.
    """

    count: PositiveInt = 2
    min: PositiveInt | None = None
    max: PositiveInt | None = None
    memory: Size = "2 GiB"
    vcores: PositiveInt = 1
    gpus: Annotated[int, Meta(ge=0)] = 0
    node_label: str = ""
    cache: Size = "1 GiB"
    wait: Seconds = 1800.0
    timeout: Seconds = 60.0
    stall: Seconds = 1800.0
    backups: bool = True
    backup_after: Seconds = 1.0
    max_failures: Annotated[int, Meta(ge=0)] = 10


class Reducers(_Section, frozen=True, kw_only=True):
    """``count: 0``: every worker also reduces one slice; n: processes of their own, without JAX.

    ``levels: 2``: groups of workers add up first what they send on, ``1``: they don't; without, what costs less.
    """

    count: Annotated[int, Meta(ge=0)] = 0
    levels: Literal[1, 2] | None = None
    memory: Size = "1 GiB"
    vcores: PositiveInt = 1


class Master(_Section, frozen=True, kw_only=True):
    """The container that leads, inside YARN's application master.

    ``attempts``: how often YARN starts it, the first time included; each goes on from the newest checkpoint.
    """

    memory: Size = "1 GiB"
    vcores: PositiveInt = 1
    attempts: PositiveInt = 2


class EnvironmentSpec(_Section, frozen=True, kw_only=True):
    """How Python and its packages reach the nodes of a cluster; without a choice, the active environment is packed.

    ``python``: an interpreter that every node has.  Alone: it has yarnml too, nothing is packed.
    ``archive``: URL of a packed environment with bin/python, such as conda-pack's or venv-pack's .tar.gz.
    ``pex``: URL of a pex that holds yarnml, or path of one on this machine.
    ``image``: an image for YARN's Docker runtime whose python3 has yarnml.
    ``files``: modules (.py) and package folders that travel with the job, for your own model to import.
    ``variables``: environment variables of every process.
    """

    python: str | None = None
    archive: Url | None = None
    pex: Url | None = None
    image: str | None = None
    files: list[str] = []
    variables: dict[str, str] = {}


class Checkpoint(_Section, frozen=True, kw_only=True):
    """``path``: the job's folder.  ``every``: a period; ``keep``: how many of the newest stay."""

    path: Url | None = None
    every: Period = "1 epoch"
    keep: PositiveInt = 3


class Export(_Section, frozen=True, kw_only=True):
    """``path``: the folder of the model's versions.  ``version``: a number, or none for the next free one."""

    path: Url
    version: PositiveInt | None = None


class Job(_Section, frozen=True, kw_only=True):
    """One training job, the same for every backend.

    ``profile``: whether workers write a trace of some steps into the job's folder.
    """

    name: Name
    data: Data
    learner: Options
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    search: Search | None = None
    workers: Workers = Workers()
    reducers: Reducers = Reducers()
    master: Master = Master()
    queue: Annotated[str, Meta(min_length=1)] = "default"
    environment: EnvironmentSpec = EnvironmentSpec()
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    export: Url | Export | None = None
    profile: bool = False

    @property
    def shards(self) -> int:
        return self.training.shards or max(self.workers.count, self.workers.max or 0)

    @property
    def export_to(self) -> Export | None:
        return Export(path=self.export) if isinstance(self.export, str) else self.export

    @property
    def urls(self) -> dict[str, str]:
        """Every place that the job reads or writes, by its field."""
        data, to = self.data, self.export_to
        named = {"data.train": data.train, "data.validation": data.validation, "data.test": data.test}
        named |= {"checkpoint.path": self.checkpoint.path, "export": to.path if to else None}
        listed = {field: value if isinstance(value, list) else [value] for field, value in named.items()}
        return {
            field if n == 0 else f"{field}[{n}]": value
            for field, values in listed.items()
            for n, value in enumerate(values)
            if isinstance(value, str)
        }


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def size_in_bytes(size: Size) -> int:
    """'1.5 GiB' → 1610612736."""
    number = size.rstrip("KMGTiB ")
    return int(float(number) * _UNITS[size[len(number) :].strip()])
