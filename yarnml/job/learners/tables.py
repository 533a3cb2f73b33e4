"""Learners with tables: a row of parameters for every key of the data."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job.fields import NonNegative, Period, Positive, PositiveInt, TableName
from yarnml.job.learners.base import LearnerOptions
from yarnml.job.learners.rules import Adagrad, Count, Ftrl, Rule
from yarnml.job.user_code import file_of

if TYPE_CHECKING:
    from yarnml.job.spec import Job

Width = Annotated[int, Meta(ge=1, le=1024)]
"""Weights of a key in one table."""

Loss = Literal["auto", "logistic", "squared", "poisson"]


class TableLearnerOptions(LearnerOptions, frozen=True, kw_only=True):
    """Fields of every learner with tables.

    ``optimizer``: how a row is updated by the sum of its gradients.
    ``min_count``: a key gets a row when it has come so often in training.
    ``admission_probability``: in its place, that of getting a row each time that a key comes.
    ``max_age``: a row is evicted when its key has not come for longer.
    """

    KEYS = True
    LOOPS = "yarnml.sparse.kernels"
    TAKES_LABEL_SCALE = False
    STARTS_LIKE: ClassVar[tuple[str, ...] | None] = ("optimizer", "min_count")

    optimizer: Rule = field(default_factory=Ftrl)
    min_count: Annotated[int, Meta(ge=1, le=2**20)] = 1
    admission_probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    max_age: Period | None = None

    @property
    def scale(self) -> Literal["none", "standard"]:
        return "standard"  # of the numbers beside the keys

    def row(self, fields: int) -> tuple[tuple[Rule | Count, int], ...]:
        """The weights of a key: a rule, and how many follow it.  ``fields``: columns that become keys."""
        return ((self.optimizer, 1),)

    def check(self, job: "Job") -> None:
        if job.training.batch_size == "full":
            raise JobFileError(
                f"learner.kind {self.kind} learns from batches of rows, so training.batch_size must be a number, "
                "such as 4096, not full."
            )
        if self.min_count > 1 and self.admission_probability < 1:
            raise JobFileError(
                "learner.min_count and learner.admission_probability are two ways to keep rare keys out of the table; "
                "remove one of them."
            )


class ScoreOptions(TableLearnerOptions, frozen=True, kw_only=True):
    """Fields of learners with tables that give each row one score.

    ``loss``: ``logistic`` for two classes, ``squared`` or ``poisson`` for numbers; ``auto``: as the label is.
    """

    TAKES_LABEL_SCALE = True
    STARTS_LIKE: ClassVar[tuple[str, ...] | None] = ("loss", "optimizer", "min_count")

    loss: Loss = "auto"

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "none" if self.loss == "poisson" else "standard"


class SparseLinear(ScoreOptions, frozen=True, kw_only=True, tag="sparse_linear"):
    """A linear model with a weight for every key, and for every number of a row."""


class SparseFactorizationMachine(ScoreOptions, frozen=True, kw_only=True, tag="sparse_factorization_machine"):
    """A linear model with a product of ``rank`` factors for every pair of keys.

    ``factors``: how these are updated.  ``initial``: they begin even between -initial and initial.
    """

    STARTS_LIKE = ("loss", "optimizer", "min_count", "rank", "factors")

    rank: Width = 8
    factors: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.01))
    initial: Positive = 0.01

    def row(self, fields: int) -> tuple[tuple[Rule, int], ...]:
        return ((self.optimizer, 1), (self.factors, self.rank))


class FieldAware(ScoreOptions, frozen=True, kw_only=True, tag="field_aware"):
    """A factorisation machine in which a key has ``rank`` factors for each column of keys that it meets.

    ``factors``: how these are updated.  ``initial``: they begin even between -initial and initial.
    """

    FIELDS = True
    STARTS_LIKE = ("loss", "optimizer", "min_count", "rank", "factors")

    rank: Annotated[int, Meta(ge=1, le=64)] = 4
    factors: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.01))
    initial: Positive = 0.01

    def row(self, fields: int) -> tuple[tuple[Rule, int], ...]:
        return ((self.optimizer, 1), (self.factors, self.rank * fields))


class WideAndDeep(ScoreOptions, frozen=True, kw_only=True, tag="wide_and_deep"):
    """A linear model, and a network of ReLU layers on embeddings of ``width`` numbers and the numbers of a row.

    ``embeddings``: how these are updated.  ``initial``: they begin even between -initial and initial.
    ``hidden``: the widths of the layers.  ``layers``: how their weights are updated.
    """

    FIELDS = True
    STARTS_LIKE = ("loss", "optimizer", "min_count", "width", "embeddings", "hidden", "layers")

    width: Width = 8
    embeddings: Rule = field(default_factory=Ftrl)
    initial: Positive = 0.02
    hidden: list[PositiveInt] = field(default_factory=lambda: [64, 32])
    layers: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.003))

    def row(self, fields: int) -> tuple[tuple[Rule, int], ...]:
        return ((self.optimizer, 1), (self.embeddings, self.width))


class Dlrm(ScoreOptions, frozen=True, kw_only=True, tag="dlrm"):
    """Embeddings of ``width`` numbers for each column of keys, their products in pairs, and ReLU layers.

    ``optimizer``: how embeddings are updated.  ``initial``: they begin even between -initial and initial.
    ``bottom``: the widths of the layers through which the numbers of a row go first; ``hidden``: of those behind the
    products.  ``layers``: how their weights are updated.
    """

    FIELDS = True
    STARTS_LIKE = ("loss", "optimizer", "min_count", "width", "bottom", "hidden", "layers")

    width: Width = 8
    initial: Positive = 0.02
    bottom: list[PositiveInt] = field(default_factory=lambda: [32])
    hidden: list[PositiveInt] = field(default_factory=lambda: [64, 32])
    layers: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.005))

    def row(self, fields: int) -> tuple[tuple[Rule, int], ...]:
        return ((self.optimizer, self.width),)


class TwoTower(TableLearnerOptions, frozen=True, kw_only=True, tag="two_tower"):
    """A tower for queries and one for items: ReLU layers on embeddings of ``width`` numbers, and on numbers of a row.

    ``item``: the columns that tell of an item, of which the first is its id; all others tell of the query.
    ``optimizer``: how embeddings are updated.  ``initial``: they begin even between -initial and initial.
    ``hidden``: the widths of each tower's layers.  ``vector``: numbers of a query's and of an item's vector.
    ``layers``: how the layers' weights are updated.
    ``negatives``: other rows, at most, whose items a row's own is told from.
    ``temperature``: what the product of two vectors of length 1 is divided by in the softmax.
    """

    LABEL = "none"
    FIELDS = True
    STARTS_LIKE = ("optimizer", "min_count", "item", "width", "hidden", "vector", "layers")

    item: Annotated[list[str], Meta(min_length=1)]
    width: Width = 16
    optimizer: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.05))
    initial: Positive = 0.05
    hidden: list[PositiveInt] = field(default_factory=lambda: [32])
    vector: Width = 16
    layers: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.01))
    negatives: Annotated[int, Meta(ge=1, le=8191)] = 1023
    temperature: Positive = 0.1

    def row(self, fields: int) -> tuple[tuple[Rule | Count, int], ...]:
        return ((self.optimizer, self.width), (Count(), 1))


class Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``width`` weights for every key, which begin even between -initial and initial, and follow ``optimizer``."""

    width: Width
    initial: NonNegative = 0.0
    optimizer: Rule = field(default_factory=Ftrl)


class CustomTables(ScoreOptions, frozen=True, kw_only=True, tag="custom_tables"):
    """A user's own model with tables: ``path: file.py:Name``, a class, object or module with ``init`` and ``score``.

    ``tables``: what every key has, by name.  ``options`` are handed to the class as keyword arguments.
    ``optimizer``: how the parameters that belong to no key are updated.
    """

    FIELDS = True
    STARTS_LIKE = None

    path: str
    tables: Annotated[dict[TableName, Table], Meta(min_length=1)]
    options: dict[str, Any] = field(default_factory=dict)
    optimizer: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.01))

    @property
    def scale(self) -> Literal["none", "standard"]:
        return "none"  # its score may count on the features' units

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "none"  # and on the label's

    @property
    def file(self) -> str:
        """The Python file in ``path``."""
        return file_of(self.path)

    def with_paths(self, absolute: Callable[[str, str], str]) -> Self:
        return replace(self, path=absolute("learner.path", self.path))

    def row(self, fields: int) -> tuple[tuple[Rule, int], ...]:
        return tuple((table.optimizer, table.width) for table in self.tables.values())
