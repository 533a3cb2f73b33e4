"""Models of ratings, and of pairs of features."""

from typing import Annotated, Literal

from msgspec import Meta

from yarnml.job.learners.base import GradientOptions, LearnerOptions, Passes, Positive, PositiveInt

Feedback = Literal["explicit", "implicit"]
Count = Annotated[int, Meta(ge=1, le=2**24)]  # of things whose numbers are features: float32 holds these exactly


class Factorization(GradientOptions, frozen=True, kw_only=True, tag="factorization"):
    """Ratings of items by users as products of ``rank`` factors, by gradient descent.

    The features are two columns of whole numbers: the user's, below ``users``, and the item's, below ``items``.
    ``feedback``: labels are ``explicit`` ratings, or ``implicit`` amounts, of which 0 is what is not in the data; then
    items that a user has shall come before the others.
    """

    users: Count
    items: Count
    rank: PositiveInt = 16
    feedback: Feedback = "explicit"


class FactorizationMachine(GradientOptions, frozen=True, kw_only=True, tag="factorization_machine"):
    """A linear model with a product of ``rank`` factors for every pair of features."""

    rank: PositiveInt = 16


class Als(LearnerOptions, frozen=True, kw_only=True, tag="als"):
    """The same factors as `Factorization`, without offsets, by alternating least squares.

    ``feedback``: labels are ``explicit`` ratings, or ``implicit`` amounts, of which 0 is what is not in the data;
    an amount r counts 1 + ``confidence`` · r times.  ``l2``: the penalty of the factors.  ``shared``: users whose rows
    may lie in several shards.
    """

    users: Count
    items: Count
    rank: PositiveInt = 16
    feedback: Feedback = "explicit"
    confidence: Positive = 40.0
    l2: Positive = 0.1
    shared: PositiveInt = 4096

    @property
    def passes(self) -> Passes:
        return Passes(2, 11, each=2)
