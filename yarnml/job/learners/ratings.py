"""Models of ratings, and of pairs of features."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, field

from yarnml.errors import JobFileError
from yarnml.job.fields import Positive, PositiveInt
from yarnml.job.learners.base import GradientOptions, LearnerOptions, Passes, adam

if TYPE_CHECKING:
    from yarnml.job.spec import Job

Feedback = Literal["explicit", "implicit"]
Count = Annotated[int, Meta(ge=1, le=2**24)]
"""A number of users or items.  A row holds the numbers of its two as float32, exact up to here."""


class Factorization(GradientOptions, frozen=True, kw_only=True, tag="factorization"):
    """Ratings of items by users as products of ``rank`` factors, by gradient descent.

    The features are two columns of whole numbers: the user's, below ``users``, and the item's, below ``items``.  Where
    both columns are prepared by ``category``, these two are as many as there are ids.
    ``feedback``: labels are ``explicit`` ratings, or ``implicit`` amounts, of which 0 is what is not in the data; then
    items that a user has shall come before the others.
    """

    STARTS_LIKE = ("users", "items", "rank", "feedback")
    PREDICTS = "number"

    optimizer: dict[str, Any] = field(default_factory=lambda: adam(1e-2))
    users: Count | None = None
    items: Count | None = None
    rank: PositiveInt = 16
    feedback: Feedback = "explicit"

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "standard" if self.feedback == "explicit" else "none"

    def check(self, job: "Job") -> None:
        _refuse_scaling(self.kind, job)
        scale = job.data.label_scale
        if scale == "log" or (scale == "standard" and self.feedback == "implicit"):
            raise JobFileError(
                f"data.label_scale {scale} changes what scores of {self.feedback} feedback mean; remove it."
            )


class FactorizationMachine(GradientOptions, frozen=True, kw_only=True, tag="factorization_machine"):
    """A linear model with a product of ``rank`` factors for every pair of features."""

    TAKES_LABELS = True

    STARTS_LIKE = ("rank",)

    optimizer: dict[str, Any] = field(default_factory=lambda: adam(1e-2))
    rank: PositiveInt = 16

    @property
    def scale(self) -> Literal["none", "standard"]:
        return "standard"


class Als(LearnerOptions, frozen=True, kw_only=True, tag="als"):
    """Alternating least squares: the factors of `Factorization`, without offsets.

    ``feedback``: labels are ``explicit`` ratings, or ``implicit`` amounts, of which 0 is what is not in the data;
    an amount r counts 1 + ``confidence`` · r times.  ``l2``: the penalty of the factors.  ``shared``: users whose rows
    may lie in several shards.
    """

    PREDICTS = "number"
    TAKES_LABEL_SCALE = False

    users: Count | None = None
    items: Count | None = None
    rank: PositiveInt = 16
    feedback: Feedback = "explicit"
    confidence: Positive = 1.0
    l2: Positive = 0.1
    shared: PositiveInt = 4096

    @property
    def passes(self) -> Passes:
        return Passes(2, 11, per_epoch=2)

    @property
    def to_converge(self) -> str:
        return "raise training.epochs"

    def check(self, job: "Job") -> None:
        _refuse_scaling(self.kind, job)


def _refuse_scaling(kind: str, job: "Job") -> None:
    """Refuse ``data.scale``, which would change the numbers that say which user and which item a row is of."""
    if job.data.scale == "standard":
        raise JobFileError(
            f"learner.kind {kind} reads the numbers of users and items, which data.scale: standard changes; "
            "set data.scale: none."
        )
