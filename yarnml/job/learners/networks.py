"""Neural networks, those of texts among them, and a user's own model.

The features of a text are ids of words, made by ``data.prepare`` (`tokens` or `hashed_tokens`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from msgspec import Meta, field
from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job.fields import Fraction, Natural, NonNegative, Part, PositiveInt, Section
from yarnml.job.learners.axes import ParameterAxes, classes_of_dense
from yarnml.job.learners.base import GradientOptions, adam
from yarnml.job.learners.sequences import check_generation, check_horizon
from yarnml.job.user_code import file_of

if TYPE_CHECKING:
    from yarnml.job.spec import Job

Normalization = Literal["none", "layer", "batch"]


class NetworkOptions(GradientOptions, frozen=True, kw_only=True):
    """Fields of every neural network.

    ``dropout``: the part of what hidden layers put out that is left out at random in training.
    ``precision``: what layers compute in; parameters, sums and losses are float32.
    ``quantile``: of a number label these quantiles are predicted, not its mean: the shares of labels that lie below.
    """

    TAKES_LABELS = True

    dropout: Part = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    quantile: list[Fraction] = field(default_factory=list)

    @property
    def quantiles(self) -> list[float]:
        return self.quantile


class Mlp(NetworkOptions, frozen=True, kw_only=True, tag="mlp"):
    """A multilayer perceptron with ReLU; ``hidden`` gives the widths of its hidden layers.

    ``normalization``: of what each hidden layer computes, over its numbers (``layer``) or over rows (``batch``).
    ``embedding``: numbers for every id, where ``data.prepare`` makes ids of categories or texts.
    ``l2``: not given it is 2 / rows, a prior of variance 1/2 for every weight, which fades as rows come.
    """

    STARTS_LIKE = ("hidden", "normalization", "embedding", "quantile")
    WORDS = "optional"

    embedding: PositiveInt = 16
    l2: NonNegative | None = None  # type: ignore[assignment]
    optimizer: dict[str, Any] = field(default_factory=lambda: adam(2e-3))

    hidden: list[PositiveInt] = field(default_factory=lambda: [128])
    normalization: Normalization = "none"

    @property
    def axes(self) -> ParameterAxes:
        classes = classes_of_dense(self.hidden)
        return ParameterAxes(numbers={"0/weight": 0}, words={"embeddings": 0}, classes=classes)

    @property
    def scale(self) -> Literal["none", "standard"]:
        return "standard"

    @property
    def normalizes_by_rows(self) -> bool:
        return self.normalization == "batch"


class Augment(Section, frozen=True, kw_only=True):
    """Random changes of images in training: mirrored (``flip``), shifted by up to ``crop`` pixels on both axes.

    ``colour``: brightness, contrast and saturation change by up to this part.
    ``mixup``: both parameters of the beta distribution of the share that a row keeps beside another one; 0: none mix.
    """

    flip: bool = False
    crop: Natural = 0
    colour: Part = 0.0
    mixup: NonNegative = 0.0


class Cnn(NetworkOptions, frozen=True, kw_only=True, tag="cnn"):
    """Convolutions (3x3, ReLU, 2x2 max pooling) with ``channels`` each, then a perceptron with ``hidden``.

    Needs ``data.shape: [height, width, channels]``.  ``dropout``: of the hidden layers, as in `Mlp`.
    ``normalization``: of convolutions too, whose numbers are the channels of a place.
    """

    STARTS_LIKE = ("channels", "hidden", "normalization", "quantile")

    channels: list[PositiveInt] = field(default_factory=lambda: [16, 32])
    hidden: list[PositiveInt] = field(default_factory=lambda: [64])
    normalization: Normalization = "none"
    augment: Augment | None = None

    @property
    def axes(self) -> ParameterAxes:
        return ParameterAxes(classes=classes_of_dense(self.hidden, "dense/"))

    @property
    def normalizes_by_rows(self) -> bool:
        return self.normalization == "batch"


class Recurrent(NetworkOptions, frozen=True, kw_only=True, tag="recurrent"):
    """Recurrent layers of ``units`` each, then a perceptron with ``hidden`` on what the last gives at the last step.

    Needs ``data.shape: [steps, features]``.  ``cell``: plain (``rnn``), ``lstm`` or ``gru``.  ``dropout``: of what
    all hidden layers put out, but not from step to step (Zaremba et al., 2014).  ``normalization``: of both products
    in each cell, over their numbers (Ba et al., 2016), and of the hidden layers.  ``horizon``: see `check_horizon`.
    """

    STARTS_LIKE = ("cell", "units", "hidden", "normalization", "quantile")

    cell: Literal["rnn", "lstm", "gru"] = "lstm"
    units: Annotated[list[PositiveInt], Meta(min_length=1)] = field(default_factory=lambda: [64])
    hidden: list[PositiveInt] = field(default_factory=list)
    normalization: Literal["none", "layer"] = "none"
    horizon: PositiveInt | None = None
    l2: NonNegative | None = None  # type: ignore[assignment]

    def check(self, job: "Job") -> None:
        check_horizon(self.horizon, self.quantile, job)

    @property
    def scale(self) -> Literal["none", "standard"]:
        return "standard"

    @property
    def axes(self) -> ParameterAxes:
        return ParameterAxes(classes=classes_of_dense(self.hidden, "dense/"))


class EmbeddingBag(NetworkOptions, frozen=True, kw_only=True, tag="embedding_bag"):
    """The mean of ``embedding`` numbers for each word of a row, then a perceptron with ``hidden``.

    ``dropout``: of the mean, and of what the hidden layers put out.
    """

    STARTS_LIKE = ("embedding", "hidden", "quantile")
    WORDS = "only"

    optimizer: dict[str, Any] = field(default_factory=lambda: adam(1e-2))
    embedding: PositiveInt = 64
    hidden: list[PositiveInt] = field(default_factory=list)

    @property
    def axes(self) -> ParameterAxes:
        return ParameterAxes(words={"words": 0}, classes=classes_of_dense(self.hidden, "dense/"))


class Transformer(NetworkOptions, frozen=True, kw_only=True, tag="transformer"):
    """An encoder of ``blocks`` with ``heads`` each, ``embedding`` wide, then a perceptron with ``hidden`` on its mean.

    Its features are ids of words, or numbers: series, as those of `Recurrent`.

    ``task``: to predict a label, or to ``generate`` text: each piece of a text is predicted from those before it in its
    window, ``context`` pieces long (None: all of a row).  There is no label, and no perceptron.
    ``dropout``: of the embeddings, of what every block adds to them, and of what the hidden layers put out.
    ``horizon``: see `check_horizon`.
    """

    STARTS_LIKE = ("embedding", "blocks", "heads", "hidden", "task", "context", "quantile")
    WORDS = "either"

    task: Literal["predict", "generate"] = "predict"
    context: PositiveInt | None = None

    embedding: PositiveInt = 64
    blocks: PositiveInt = 2
    heads: PositiveInt = 4
    hidden: list[PositiveInt] = field(default_factory=list)
    horizon: PositiveInt | None = None
    l2: NonNegative | None = None  # type: ignore[assignment]

    @property
    def scale(self) -> Literal["none", "standard"]:
        return "standard"

    @property
    def axes(self) -> ParameterAxes:
        return ParameterAxes(words={"words": 0}, classes=classes_of_dense(self.hidden, "dense/"))

    @property
    def label_use(self) -> Literal["needed", "optional", "none"]:
        return "none" if self.predicts_text else self.LABEL

    @property
    def metrics_without_label(self) -> tuple[str, ...]:
        return ("accuracy", "perplexity", "bits_per_byte") if self.predicts_text else ()

    @property
    def predicts_text(self) -> bool:
        return self.task == "generate"

    @property
    def method(self) -> str:
        return "learner.task generate" if self.predicts_text else super().method

    def check(self, job: "Job") -> None:
        check_horizon(self.horizon, self.quantile, job)
        check_generation(self, job)
        if self.embedding % self.heads:
            raise JobFileError(
                f"learner.embedding is shared by the heads, so it must be a multiple of learner.heads ({self.heads}), "
                f"not {self.embedding}."
            )


class Custom(GradientOptions, frozen=True, kw_only=True, tag="custom"):
    """A user's own model: ``path: file.py:Name``, a class, object or module with ``init``, ``loss`` and ``predict``.

    ``options`` are handed to the class as keyword arguments.
    """

    LABEL = "optional"
    TAKES_LABELS = True
    FINITE = False
    WORDS = "optional"

    path: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "none"  # its loss may count on the label's units

    @property
    def file(self) -> str:
        """The Python file in ``path``."""
        return file_of(self.path)

    def with_paths(self, absolute: Callable[[str, str], str]) -> Self:
        return replace(self, path=absolute("learner.path", self.path))
