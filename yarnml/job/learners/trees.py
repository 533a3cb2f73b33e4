"""Decision trees, forests of them, and gradient boosting."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, Self

from msgspec import Meta, field
from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job.fields import Fraction, Fractions, NonNegative, Positive
from yarnml.job.learners.base import LearnerOptions, Passes
from yarnml.job.user_code import file_of

if TYPE_CHECKING:
    from yarnml.job.spec import Job

Objective = Literal[
    "auto", "absolute", "huber", "quantile", "poisson", "gamma", "tweedie", "aft", "cox", "lambdarank", "custom"
]

Trees = Annotated[int, Meta(ge=1, le=1_000_000)]

Depth = Annotated[int, Meta(ge=1, le=30)] | Literal["none"]

SKETCH_PASSES = 5
"""Passes in which trees find the edges of their bins, before the first tree."""
LEAF_PASSES = 2
"""Passes that find the quantiles of a round's leaves, once it is grown."""
MAX_LEAVES = 1 << 16
"""The most leaves of a tree."""
MAX_DEPTH = 64
"""Levels of a tree whose depth is not bounded by its options."""
PASSES_PER_EPOCH = 64
"""Of trees whose depth is not bounded: as many levels, but of small data many trees."""
GROUP = 10
"""Trees of a forest that are grown side by side."""
SCORE_OBJECTIVES: dict[str, Literal["groups", "times"]] = {"lambdarank": "groups", "cox": "times"}
"""The objective whose predictions are scores → the other rows on which the loss of one hangs."""
OUT_OF_BAG = "out_of_bag"
"""The name of the evaluation of training rows by the trees that were grown without them."""


class TreeLearner(LearnerOptions, frozen=True, kw_only=True):
    """Fields of all kinds that grow trees, level by level from histograms.

    ``depth``: levels of a tree.  ``leaves``: of a tree, of which those are split first whose splits gain most; as many
    as there are by default.  ``bins``: at most so many per feature.  ``l2`` adds l2/2 · Σ leaf² to a tree's sum of
    losses; ``min_gain``: what a split must lower that sum by.  ``categorical``: columns of whole numbers 0, 1, … that
    stand for categories, of which a split takes some from the others.  ``monotone``: columns with whose values
    predictions must not fall (``increasing``) or rise (``decreasing``), all others being equal.  ``interactions``:
    groups of columns, of which one must have all columns above a leaf; a column in none is a group by itself.
    """

    MISSING = True
    COMPARES = True
    LOOPS = "yarnml.learners.trees.kernels"

    depth: Depth = 6
    leaves: Annotated[int, Meta(ge=2, le=MAX_LEAVES // 2)] | None = None
    bins: Annotated[int, Meta(ge=2, le=255)] = 255
    l2: NonNegative = 0.0
    min_gain: NonNegative = 0.0
    categorical: list[str] = field(default_factory=list)
    monotone: dict[str, Literal["increasing", "decreasing"]] = field(default_factory=dict)
    interactions: list[Annotated[list[str], Meta(min_length=1)]] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        return self.categorical

    @property
    def rounds(self) -> int:
        """Trees, or groups of trees, that are grown one after another."""
        return 1

    @property
    def levels(self) -> int:
        """The most levels of a tree."""
        return MAX_DEPTH if self.depth == "none" else self.depth

    @property
    def passes_per_round(self) -> int | None:
        """Passes that grow the trees of a round; None: as many as it takes."""
        if self.depth == "none":
            return None
        return self.depth + self.leaf_passes + (self.loss_among != "none")

    @property
    def leaf_passes(self) -> int:
        """Passes of a round after those that grow its trees."""
        return 0

    @property
    def passes(self) -> Passes:
        """One epoch or more to find the bins, then one for each round, or as many as it takes."""
        per_round = self.passes_per_round
        if per_round is None:
            return Passes(1, 1 + self.rounds * MAX_LEAVES // PASSES_PER_EPOCH, PASSES_PER_EPOCH)
        sketch = -(-SKETCH_PASSES // per_round)
        return Passes(sketch + 1, sketch + self.rounds, per_round)

    @property
    def checkpoint_period(self) -> str:
        """A twentieth of the rounds; where these are no epochs, so many that trees are most of the work."""
        epochs = 4 if self.depth == "none" else max(1, self.rounds // 20)
        return f"{epochs} epochs"

    def shortfall(self, epochs: int) -> str | None:
        if self.depth == "none":
            return None
        grown = epochs - (self.passes.least - 1)
        return None if grown >= self.rounds else f"{grown} of {self.rounds} rounds are grown: raise training.epochs"

    @property
    def contradiction(self) -> str | None:
        """The sentence about fields of the learner that do not go together; None where they do."""
        return None

    def check(self, job: "Job") -> None:
        if self.contradiction:
            raise JobFileError(self.contradiction)
        if self.loss_among == "groups" and not job.data.group:
            raise JobFileError(
                "learner.objective lambdarank needs data.group, the column that tells groups of rows apart."
            )
        if self.categorical and job.data.scale == "standard":
            raise JobFileError("learner.categorical needs whole numbers as they are; set data.scale: none.")
        if OUT_OF_BAG in self.own_evaluations and job.start_from:
            raise JobFileError(
                "learner.out_of_bag needs all trees to be grown in this job, since it is not known which rows those of "
                "start_from were grown without; remove one of the two."
            )


class Tree(TreeLearner, frozen=True, kw_only=True, tag="tree"):
    """A decision tree: averages of a number label, or shares of classes.  ``min_rows``: the least weight of a leaf."""

    TAKES_LABELS = True

    min_rows: Positive = 1.0


class Forest(TreeLearner, frozen=True, kw_only=True, tag="forest"):
    """A random forest: the mean of ``trees`` trees, each grown on rows drawn with replacement.

    ``features``: the share of the features that a node may use, drawn for each; the square root of their number for
    classes, a third for a number by default.  ``splits``: ``random`` has a node look at one place of each feature,
    drawn between its rows (Geurts et al., "Extremely Randomized Trees", 2006).  ``out_of_bag``: whether each training
    row is judged at the end by the trees that were grown without it.
    """

    TAKES_LABELS = True

    trees: Trees = 100
    depth: Depth = "none"
    min_rows: Positive = 1.0
    features: Annotated[float, Meta(gt=0, le=1)] | None = None
    splits: Literal["best", "random"] = "best"
    out_of_bag: bool = False

    @property
    def own_evaluations(self) -> list[str]:
        return [OUT_OF_BAG] if self.out_of_bag else []

    @property
    def rounds(self) -> int:
        return -(-self.trees // self.group)

    @property
    def group(self) -> int:
        """Trees that are grown side by side."""
        return min(self.trees, GROUP)


class Boosting(TreeLearner, frozen=True, kw_only=True, tag="boosting"):
    """Gradient boosting: every tree is grown on what the ones before leave; with several classes one tree for each.

    ``objective``: the loss of a number label, by default the squared error; that of classes is given.  ``custom``: the
    function ``loss`` of ``path: file.py:Name``, a class, object or module.  ``aft``: of times, negative where nothing
    happened up to there; ``distribution`` and ``sigma`` are of the noise in their logarithms.
    ``quantile``: the share that shall lie below predictions; of a list there is a prediction for each. ``delta``:
    where Huber's loss leaves the parabola, in the label's units. ``tweedie_power``: of the mean, to which the
    variance is proportional.
    ``trees``: rounds of them.  ``learning_rate``: what each counts for.  ``min_hessian``: the least sum of second
    derivatives in a leaf, which for a number label is its weight; by default as many rows as other libraries ask for.
    ``subsample``: the share of the rows that a round uses; ``features``: of the features that a node may use, drawn for
    each, all by default.  ``splits``: as of forests.
    """

    STARTS_LIKE = (
        "objective",
        "quantile",
        "delta",
        "tweedie_power",
        "distribution",
        "sigma",
        "categorical",
        "bins",
    )
    TAKES_OFFSET = True

    objective: Objective = "auto"
    path: str | None = None
    quantile: Fraction | Fractions = 0.5
    delta: Positive = 1.35
    tweedie_power: Annotated[float, Meta(gt=1, lt=2)] = 1.5
    distribution: Literal["normal", "logistic", "extreme"] = "normal"
    sigma: Positive = 1.0
    trees: Trees = 100
    learning_rate: Positive = 0.1
    l2: NonNegative = 1.0
    min_hessian: Positive | None = None
    subsample: Annotated[float, Meta(gt=0, le=1)] = 1.0
    features: Annotated[float, Meta(gt=0, le=1)] | None = None
    splits: Literal["best", "random"] = "best"

    @property
    def rounds(self) -> int:
        return self.trees

    @property
    def quantiles(self) -> list[float]:
        return self.quantile if isinstance(self.quantile, list) else []

    @property
    def file(self) -> str | None:
        return file_of(self.path) if self.path else None

    def with_paths(self, absolute: Callable[[str, str], str]) -> Self:
        return replace(self, path=absolute("learner.path", self.path)) if self.path else self

    @property
    def contradiction(self) -> str | None:
        if self.quantiles and self.objective != "quantile":
            return f"learner.quantile lists several, but learner.objective is {self.objective}; set it to quantile."
        if (self.objective == "custom") == (self.path is not None):
            return None
        return "learner.objective custom and learner.path, the file.py:Name of its loss, go together; give both."

    @property
    def loss_among(self) -> Literal["none", "groups", "times"]:
        return SCORE_OBJECTIVES.get(self.objective, "none")

    @property
    def leaf_passes(self) -> int:
        return LEAF_PASSES if self.objective in ("absolute", "quantile") else 0
