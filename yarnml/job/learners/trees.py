"""Decision trees, forests of them, and gradient boosting."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, field

from yarnml.errors import JobFileError
from yarnml.job.fields import NonNegative, Positive
from yarnml.job.learners.base import LearnerOptions, Passes

if TYPE_CHECKING:
    from yarnml.job.spec import Job

Trees = Annotated[int, Meta(ge=1, le=1_000_000)]

SKETCH_PASSES = 5
"""Passes in which trees find the edges of their bins, before the first tree."""


class TreeLearner(LearnerOptions, frozen=True, kw_only=True):
    """Fields of all kinds that grow trees, level by level from histograms.

    ``depth``: levels of a tree.  ``bins``: at most so many per feature.  ``l2`` adds l2/2 · Σ leaf² to a tree's sum of
    losses; ``min_gain``: what a split must lower that sum by.  ``categorical``: columns of whole numbers 0, 1, … that
    stand for categories, of which a split takes one from the others.  ``monotone``: columns with whose values
    predictions must not fall (``increasing``) or rise (``decreasing``), all others being equal.
    """

    MISSING = True
    COMPARES = True

    depth: Annotated[int, Meta(ge=1, le=14)] = 6
    bins: Annotated[int, Meta(ge=2, le=255)] = 255
    l2: NonNegative = 0.0
    min_gain: NonNegative = 0.0
    categorical: list[str] = field(default_factory=list)
    monotone: dict[str, Literal["increasing", "decreasing"]] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        return self.categorical

    @property
    def rounds(self) -> int:
        """Trees that are grown one after another."""
        return 1

    @property
    def passes(self) -> Passes:
        """One epoch or more to find the bins, then one for each round."""
        sketch = -(-SKETCH_PASSES // self.depth)
        return Passes(sketch + 1, sketch + self.rounds, self.depth)

    def shortfall(self, epochs: int) -> str | None:
        grown = epochs - (self.passes.least - 1)
        return None if grown >= self.rounds else f"{grown} of {self.rounds} rounds are grown: raise training.epochs"

    def check(self, job: "Job") -> None:
        if self.categorical and job.data.scale != "none":
            raise JobFileError("learner.categorical needs whole numbers as they are; set data.scale: none.")


class Tree(TreeLearner, frozen=True, kw_only=True, tag="tree"):
    """A decision tree: averages of a number label, or shares of classes.  ``min_rows``: the least weight of a leaf."""

    min_rows: Positive = 1.0


class Forest(TreeLearner, frozen=True, kw_only=True, tag="forest"):
    """A random forest: the mean of ``trees`` trees, each grown on rows drawn with replacement.

    ``features``: the share of the features that a node may use, drawn for each; the square root of their number for
    classes, a third for a number by default.
    """

    trees: Trees = 100
    depth: Annotated[int, Meta(ge=1, le=14)] = 8
    min_rows: Positive = 1.0
    features: Annotated[float, Meta(gt=0, le=1)] | None = None

    @property
    def rounds(self) -> int:
        return self.trees


class Boosting(TreeLearner, frozen=True, kw_only=True, tag="boosting"):
    """Gradient boosting: every tree is grown on what the ones before leave; with several classes one tree for each.

    ``trees``: rounds of them.  ``learning_rate``: what each counts for.  ``min_hessian``: the least sum of second
    derivatives in a leaf, which for a number label is its weight.  ``subsample``: the share of the rows that a round
    uses; ``features``: of the features that a node may use, drawn for each, all by default.
    """

    trees: Trees = 100
    learning_rate: Positive = 0.1
    l2: NonNegative = 1.0
    min_hessian: Positive = 1.0
    subsample: Annotated[float, Meta(gt=0, le=1)] = 1.0
    features: Annotated[float, Meta(gt=0, le=1)] | None = None

    @property
    def rounds(self) -> int:
        return self.trees
