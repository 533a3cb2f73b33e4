"""Learners with tables: a row of parameters for every key of the data."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

from yarnml.errors import JobFileError
from yarnml.job.fields import NonNegative, Positive
from yarnml.job.learners.base import LearnerOptions

if TYPE_CHECKING:
    from yarnml.job.spec import Job

Loss = Literal["auto", "logistic", "squared", "poisson"]


class Ftrl(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="ftrl"):
    """FTRL-proximal on sums: a weight's rate is ``alpha`` / (``beta`` + root of its squared gradients so far).

    ``l1``: keeps a weight at 0 until the sum of its gradients, so to speak, is larger.  ``l2``: draws it to 0.
    """

    alpha: Positive = 0.1
    beta: Positive = 1.0
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0


class Adagrad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="adagrad"):
    """Adagrad on sums: a weight's rate is ``learning_rate`` / (root of its squared gradients so far + ``epsilon``)."""

    learning_rate: Positive = 0.05
    epsilon: Positive = 1e-10


class RowAdagrad(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="row_adagrad"):
    """Adagrad with one rate for all weights of a row, by their mean square."""

    learning_rate: Positive = 0.05
    epsilon: Positive = 1e-10


Rule = Ftrl | Adagrad | RowAdagrad


class TableLearnerOptions(LearnerOptions, frozen=True, kw_only=True):
    """Fields of every learner with tables.

    ``loss``: ``logistic`` for two classes, ``squared`` or ``poisson`` for numbers; ``auto``: as the label is.
    ``optimizer``: how a row is updated by the sum of its gradients.
    ``min_count``: a key gets a row when it has come so often in training.
    """

    KEYS = True
    TAKES_LABEL_SCALE = False
    STARTS_LIKE: ClassVar[tuple[str, ...] | None] = ("loss", "optimizer", "min_count")

    loss: Loss = "auto"
    optimizer: Rule = field(default_factory=Ftrl)
    min_count: Annotated[int, Meta(ge=1, le=2**20)] = 1

    @property
    def row(self) -> tuple[tuple[Rule, int], ...]:
        """The weights of a key: a rule, and how many follow it."""
        return ((self.optimizer, 1),)

    def check(self, job: "Job") -> None:
        if job.training.batch_size == "full":
            raise JobFileError(
                f"learner.kind {self.kind} learns from batches of rows, so training.batch_size must be a number, "
                "such as 4096, not full."
            )


class SparseLinear(TableLearnerOptions, frozen=True, kw_only=True, tag="sparse_linear"):
    """A linear model with a weight for every key, and for every number of a row."""


class SparseFactorizationMachine(TableLearnerOptions, frozen=True, kw_only=True, tag="sparse_factorization_machine"):
    """A linear model with a product of ``rank`` factors for every pair of keys.

    ``factors``: how these are updated.  ``initial``: they begin even between -initial and initial.
    """

    STARTS_LIKE = ("loss", "optimizer", "min_count", "rank", "factors")

    rank: Annotated[int, Meta(ge=1, le=1024)] = 8
    factors: Rule = field(default_factory=lambda: Adagrad(learning_rate=0.01))
    initial: Positive = 0.01

    @property
    def row(self) -> tuple[tuple[Rule, int], ...]:
        """The weights of a key: a rule, and how many follow it."""
        return ((self.optimizer, 1), (self.factors, self.rank))
