"""What a job file may say under ``learner:``, one struct per kind; also the registry of built-in learners.

A struct's tag is its ``kind`` and names the module ``yarnml.learners.<kind>``, whose ``build(options, schema)`` makes
the learner.  Nothing here imports JAX: the job file is checked on an edge node in milliseconds.
"""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from msgspec import Meta, Struct, field

PositiveInt = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Part = Annotated[float, Meta(ge=0, lt=1)]
Count = Annotated[int, Meta(ge=1, le=2**24)]  # of things whose numbers are features: float32 holds these exactly

SKETCH_PASSES = 3  # in which trees find their bins


class Passes(NamedTuple):
    """Epochs of a learner that goes over all rows: at least, and where the job file does not say.

    ``each``: passes over the data in one epoch, each of which ends with an update.
    """

    least: int
    usual: int
    each: int = 1


class _Learner(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What a kind says of itself, beside its fields.

    ``LABEL``: whether it needs ``data.label``, may have it, or learns without.
    ``MISSING``: whether it can take NaN for a feature that is missing.
    """

    LABEL: ClassVar[Literal["needed", "optional", "none"]] = "needed"
    MISSING: ClassVar[bool] = False

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def passes(self) -> Passes | None:
        """Of a learner whose every update needs the sums over all rows; None where any batch will do."""
        return None

    @property
    def clusters(self) -> int:
        """How many clusters it finds: they are the classes that it predicts without a label."""
        return 0


class _Gradient(_Learner, frozen=True, kw_only=True):
    """Fields of every learner that is trained by gradient descent.

    ``optimizer``: the name of an optax optimizer under ``kind`` and its arguments beside it.  ``learning_rate`` may be
    a number or an optax schedule, again ``{kind: …, arguments}``; ``clip_norm`` bounds the gradient's global norm.
    ``l2``: adds l2/2 · |weights|² to the mean loss; intercepts and biases are not penalised.
    """

    optimizer: dict[str, Any] = field(default_factory=lambda: {"kind": "adam", "learning_rate": 1e-3})
    clip_norm: Annotated[float, Meta(gt=0)] | None = None
    l2: NonNegative = 0.0


class GeneralisedLinear(_Gradient, frozen=True, kw_only=True):
    """Fields of the generalised linear models.

    ``solver``: a method for full passes, instead of ``optimizer``; ``fista`` is the one that takes ``l1``, which adds
    l1 · Σ|weights| to the mean loss.  ``tolerance``: the solver has converged when it can lower the loss by no more
    than about tolerance² of it.
    """

    solver: Literal["normal", "newton", "lbfgs", "fista"] | None = None
    tolerance: Annotated[float, Meta(gt=0, lt=1)] = 1e-6
    l1: NonNegative = 0.0

    @property
    def passes(self) -> Passes | None:
        usual = {"normal": 2, "newton": 20, "lbfgs": 100, "fista": 500}
        return Passes(1, usual[self.solver]) if self.solver else None


class Linear(GeneralisedLinear, frozen=True, kw_only=True, tag="linear"):
    """Linear regression: least squares of a number label, the one that ``solver: normal`` is for."""


class Logistic(GeneralisedLinear, frozen=True, kw_only=True, tag="logistic"):
    """Logistic regression: two classes, one weight vector."""


class Softmax(GeneralisedLinear, frozen=True, kw_only=True, tag="softmax"):
    """Softmax (multinomial logistic) regression: two classes or more, one weight vector each."""


class Poisson(GeneralisedLinear, frozen=True, kw_only=True, tag="poisson"):
    """Poisson regression: counts, whose mean is the exponential of a linear function."""


class Gamma(GeneralisedLinear, frozen=True, kw_only=True, tag="gamma"):
    """Gamma regression: numbers above 0, whose mean is the exponential of a linear function."""


class Huber(GeneralisedLinear, frozen=True, kw_only=True, tag="huber"):
    """Linear regression that counts errors beyond ``delta``, in the label's units, by their size, not their square."""

    delta: Annotated[float, Meta(gt=0)] = 1.35


class Svm(GeneralisedLinear, frozen=True, kw_only=True, tag="svm"):
    """A linear support vector machine: two classes, squared hinge loss."""


class Mlp(_Gradient, frozen=True, kw_only=True, tag="mlp"):
    """A multilayer perceptron with ReLU; ``hidden`` gives the widths of its hidden layers.

    ``dropout``: the part of their outputs that is left out at random in training.
    """

    hidden: list[PositiveInt] = field(default_factory=lambda: [128])
    dropout: Part = 0.0


class Cnn(_Gradient, frozen=True, kw_only=True, tag="cnn"):
    """Convolutions (3x3, ReLU, 2x2 max pooling) with ``channels`` each, then a perceptron with ``hidden``.

    Needs ``data.shape: [height, width, channels]``.  ``dropout``: of the hidden layers, as in `Mlp`.
    """

    channels: list[PositiveInt] = field(default_factory=lambda: [16, 32])
    hidden: list[PositiveInt] = field(default_factory=lambda: [64])
    dropout: Part = 0.0


class Recurrent(_Gradient, frozen=True, kw_only=True, tag="recurrent"):
    """Recurrent layers of ``units`` each, then a perceptron with ``hidden`` on what the last gives at the last step.

    Needs ``data.shape: [steps, features]``.  ``cell``: plain (``rnn``), ``lstm`` or ``gru``.  ``dropout``: of what
    all hidden layers put out, but not from step to step (Zaremba et al., 2014).
    """

    cell: Literal["rnn", "lstm", "gru"] = "lstm"
    units: Annotated[list[PositiveInt], Meta(min_length=1)] = field(default_factory=lambda: [64])
    hidden: list[PositiveInt] = field(default_factory=list)
    dropout: Part = 0.0


class Custom(_Gradient, frozen=True, kw_only=True, tag="custom"):
    """A user's own model: ``path: file.py:Name``, a class, object or module with ``init``, ``loss`` and ``predict``.

    ``options`` are handed to the class as keyword arguments.
    """

    LABEL = "optional"

    path: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The Python file in ``path``."""
        return self.path.partition(".py:")[0].removesuffix(".py") + ".py"

    @property
    def attribute(self) -> str:
        """The name in the file, empty for the module itself."""
        return self.path.partition(".py:")[2]


class _Clustering(_Learner, frozen=True, kw_only=True):
    """``clusters``: how many to find.  Three passes go into the start, see `yarnml.learners.clustering`."""

    LABEL = "none"

    clusters: PositiveInt


class KMeans(_Clustering, frozen=True, kw_only=True, tag="kmeans"):
    """k-means: the centres with the least sum of squared distances from the rows to the nearest."""

    @property
    def passes(self) -> Passes:
        return Passes(4, 20)


class GaussianMixture(_Clustering, frozen=True, kw_only=True, tag="gaussian_mixture"):
    """A mixture of normal distributions, by expectation-maximisation.

    ``covariance``: of each component, ``full`` or ``diagonal``; ``floor`` is added to its variances.
    """

    covariance: Literal["full", "diagonal"] = "full"
    floor: Positive = 1e-6

    @property
    def passes(self) -> Passes:
        return Passes(4, 50)


class Pca(_Learner, frozen=True, kw_only=True, tag="pca"):
    """Principal components: the ``components`` directions of the largest variance.

    ``method``: ``moments`` adds up the whole covariance matrix, in two passes; ``randomised`` only its product with a
    few directions, for wide data, in a few passes more.
    """

    LABEL = "none"

    components: PositiveInt
    method: Literal["moments", "randomised"] = "moments"

    @property
    def passes(self) -> Passes:
        return Passes(2, 2) if self.method == "moments" else Passes(2, 6)


class NaiveBayes(_Learner, frozen=True, kw_only=True, tag="naive_bayes"):
    """Naive Bayes: given the class, every feature on its own is ``gaussian``, ``multinomial`` or ``bernoulli``.

    ``smoothing``: seen of each feature beside the data, 1 by default; for ``gaussian`` the part of the largest variance
    that is added to all variances, 1e-9 by default.  ``threshold``: above it a feature is on for ``bernoulli``.
    """

    distribution: Literal["gaussian", "multinomial", "bernoulli"] = "gaussian"
    smoothing: Positive | None = None
    threshold: float = 0.0

    @property
    def passes(self) -> Passes:
        return Passes(2, 2) if self.distribution == "gaussian" else Passes(1, 1)


class TreeLearner(_Learner, frozen=True, kw_only=True):
    """Fields of all kinds that grow trees, level by level from histograms.

    ``depth``: levels of a tree.  ``bins``: at most so many per feature.  ``l2`` adds l2/2 · Σ leaf² to a tree's sum of
    losses; ``min_gain``: what a split must lower that sum by.  ``categorical``: columns of whole numbers 0, 1, … that
    stand for categories, of which a split takes one from the others.
    """

    MISSING = True

    depth: Annotated[int, Meta(ge=1, le=14)] = 6
    bins: Annotated[int, Meta(ge=2, le=255)] = 255
    l2: NonNegative = 0.0
    min_gain: NonNegative = 0.0
    categorical: list[str] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """Trees that are grown one after another."""
        return 1

    @property
    def passes(self) -> Passes:
        """One epoch or more to find the bins, then one for each round."""
        sketch = -(-SKETCH_PASSES // self.depth)
        return Passes(sketch + 1, sketch + self.rounds, self.depth)


class Tree(TreeLearner, frozen=True, kw_only=True, tag="tree"):
    """A decision tree: averages of a number label, or shares of classes.  ``min_rows``: the least weight of a leaf."""

    min_rows: Positive = 1.0


class Forest(TreeLearner, frozen=True, kw_only=True, tag="forest"):
    """A random forest: the mean of ``trees`` trees, each grown on rows drawn with replacement.

    ``features``: the share of the features that a node may use, drawn for each; the square root of their number for
    classes, a third for a number by default.
    """

    trees: PositiveInt = 100
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

    trees: PositiveInt = 100
    learning_rate: Positive = 0.1
    l2: NonNegative = 1.0
    min_hessian: Positive = 1.0
    subsample: Annotated[float, Meta(gt=0, le=1)] = 1.0
    features: Annotated[float, Meta(gt=0, le=1)] | None = None

    @property
    def rounds(self) -> int:
        return self.trees


class Factorization(_Gradient, frozen=True, kw_only=True, tag="factorization"):
    """Ratings of items by users as products of ``rank`` factors, by gradient descent.

    The features are two columns of whole numbers: the user's, below ``users``, and the item's, below ``items``.
    """

    users: Count
    items: Count
    rank: PositiveInt = 16


class FactorizationMachine(_Gradient, frozen=True, kw_only=True, tag="factorization_machine"):
    """A linear model with a product of ``rank`` factors for every pair of features."""

    rank: PositiveInt = 16


class Als(_Learner, frozen=True, kw_only=True, tag="als"):
    """The same factors as `Factorization`, without offsets, by alternating least squares.

    ``feedback``: labels are ``explicit`` ratings, or ``implicit`` amounts, of which 0 is what is not in the data;
    an amount r counts 1 + ``confidence`` · r times.  ``l2``: the penalty of the factors.  ``shared``: users whose rows
    may lie in several shards.
    """

    users: Count
    items: Count
    rank: PositiveInt = 16
    feedback: Literal["explicit", "implicit"] = "explicit"
    confidence: Positive = 40.0
    l2: Positive = 0.1
    shared: PositiveInt = 4096

    @property
    def passes(self) -> Passes:
        return Passes(2, 11, each=2)


Options = (
    Linear
    | Logistic
    | Softmax
    | Poisson
    | Gamma
    | Huber
    | Svm
    | Mlp
    | Cnn
    | Recurrent
    | Custom
    | KMeans
    | GaussianMixture
    | Pca
    | NaiveBayes
    | Tree
    | Forest
    | Boosting
    | Factorization
    | FactorizationMachine
    | Als
)
