"""The base of every kind's options: the facts that the checks of a job file ask for, with their usual answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from msgspec import Struct, field

from yarnml.job.fields import NonNegative, Positive
from yarnml.job.learners.axes import ParameterAxes
from yarnml.job.metrics import SCORE

if TYPE_CHECKING:  # `yarnml.job.spec` has the options among its fields
    from yarnml.job.spec import Job


class Passes(NamedTuple):
    """The epochs of a learner that goes over all rows for each update.

    ``least``: the fewest that it needs.
    ``usual``: as many as it makes where the job file does not say.
    ``per_epoch``: passes over the data in one epoch, each of which ends with an update.
    """

    least: int
    usual: int
    per_epoch: int = 1


class LearnerOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """Facts that a kind of learner states beside its fields.

    ``LABEL``: whether it needs ``data.label``, may have it, or learns without.
    ``MISSING``: whether it can take NaN for a feature that is missing.
    ``FINITE``: whether NaN and infinity among its features can be of no use, but for NaN where values may be missing.
    ``COMPARES``: whether only differences of a feature's numbers matter to it, whatever they are counted from.
    ``PREDICTS``: whether it can predict nothing but numbers.
    ``TAKES_LABELS``: whether one model can predict several labels.
    ``TAKES_LABEL_SCALE``: whether a number label may be scaled for it.
    ``TAKES_OFFSET``: whether it has one linear predictor, to which ``data.offset`` can be added.
    ``STARTS_AT_MEAN``: whether gradient descent begins at the mean of a number label, which is above 0.
    ``WORDS``: whether its features may be ids of words, or must be; ``either``: all of them or none.
    ``CLUSTER_METRICS``: metrics without a label that its evaluations may have beside the loss.
    ``STARTS_LIKE``: fields that must be those of a model that it starts from; None where it can start from none.
    ``KEYS``: whether features become keys, of which it has a row of parameters each.
    ``FIELDS``: whether it tells apart the columns that keys are of.
    ``LOOPS``: the module whose ``kernels()`` loads the compiled loops that workers run for it; empty for none.
    """

    LABEL: ClassVar[Literal["needed", "optional", "none"]] = "needed"
    MISSING: ClassVar[bool] = False
    FINITE: ClassVar[bool] = True
    COMPARES: ClassVar[bool] = False
    PREDICTS: ClassVar[Literal["any", "number"]] = "any"
    TAKES_LABELS: ClassVar[bool] = False
    TAKES_LABEL_SCALE: ClassVar[bool] = True
    TAKES_OFFSET: ClassVar[bool] = False
    STARTS_AT_MEAN: ClassVar[bool] = False
    WORDS: ClassVar[Literal["none", "optional", "either", "only"]] = "none"
    KEYS: ClassVar[bool] = False
    FIELDS: ClassVar[bool] = False
    LOOPS: ClassVar[str] = ""
    CLUSTER_METRICS: ClassVar[tuple[str, ...]] = ()
    STARTS_LIKE: ClassVar[tuple[str, ...] | None] = None

    @property
    def axes(self) -> ParameterAxes:
        """Name the axes along which a model that it starts from may grow, by new columns, words or classes."""
        return ParameterAxes()

    @property
    def kind(self) -> str:
        """The word under ``learner.kind``, which also names the learner's module."""
        return str(self.__struct_config__.tag)

    @property
    def label_use(self) -> Literal["needed", "optional", "none"]:
        """`LABEL`, of a kind with several tasks that of the one that it has."""
        return self.LABEL

    @property
    def metrics_without_label(self) -> tuple[str, ...]:
        """Metrics beside the loss that its evaluations may have where there is no label."""
        return self.CLUSTER_METRICS

    @property
    def predicts_text(self) -> bool:
        """True where it predicts the pieces of its one feature, a text."""
        return False

    @property
    def method(self) -> str:
        """The field of the job file that decides how it trains, with its value, for error messages."""
        return f"learner.kind {self.kind}"

    @property
    def passes(self) -> Passes | None:
        """Epochs, where every update needs the sums over all rows; None where any batch will do."""
        return None

    @property
    def checkpoint_period(self) -> str:
        """The time from one checkpoint to the next where ``checkpoint.every`` leaves it open."""
        return "1 epoch"

    @property
    def to_converge(self) -> str | None:
        """The way out for one that has not converged when its epochs are over; None where it can't tell."""
        return None

    def shortfall(self, epochs: int) -> str | None:
        """The part that is missing after so many epochs, in one sentence; None where nothing is, or can't be told."""
        return None

    @property
    def scales(self) -> bool:
        """True where it works on features of mean 0 and variance 1 whatever ``data.scale`` says, and undoes it."""
        return False

    @property
    def scale(self) -> Literal["none", "standard"]:
        """The scale of the features where ``data.scale`` leaves it open."""
        return "none"

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        """The scale of a number label where ``data.label_scale`` leaves it open."""
        return "none"

    @property
    def uses_gradient_descent(self) -> bool:
        """True where every step is an update by the gradient of a batch of rows."""
        return False

    @property
    def normalizes_by_rows(self) -> bool:
        """True where it takes the mean and the variance of the rows that are mapped at once (batch normalisation)."""
        return False

    @property
    def loss_among(self) -> Literal["none", "groups", "times"]:
        """Other rows on which the loss of one hangs: those of its group, or those of later times."""
        return "none"

    def judged_as(self, task: str) -> str:
        """The label as metrics see it, of `Schema.task`: scores that only their order gives a meaning are none."""
        return task if self.loss_among == "none" else SCORE

    @property
    def metrics(self) -> list[str]:
        """Metrics that an evaluation has whether the job asks for them or not."""
        return {"none": [], "groups": ["ndcg"], "times": ["concordance"]}[self.loss_among]

    @property
    def own_evaluations(self) -> list[str]:
        """The names of evaluations that it makes of the training rows at the end, in its own way."""
        return []

    @property
    def codes(self) -> list[str]:
        """Features whose numbers stand for something else, and stay as they are."""
        return []

    @property
    def quantiles(self) -> list[float]:
        """The shares of the quantiles that it predicts side by side; none where it predicts one number."""
        return []

    @property
    def clusters(self) -> int:
        """The number of clusters it finds: they are the classes that it predicts without a label."""
        return 0

    @property
    def file(self) -> str | None:
        """The user's Python file that it needs; None for a built-in learner."""
        return None

    def free_parameters(self, width: int) -> int | None:
        """The number of free parameters of a density of ``width`` numbers; None for what is none."""
        return None

    def in_batches(self) -> Self:
        """These options for a job that trains by batches of rows, where it is left open how they are to be used."""
        return self

    def check(self, job: "Job") -> None:
        """Refuse a job whose other fields, or the learner's own together, are none that this learner can train with.

        A kind overrides it where it asks for more than the facts above say; at most once between here and the kind.
        Raises JobFileError, with the fields and the way out.
        """

    def with_paths(self, absolute: Callable[[str, str], str]) -> Self:
        """These options with every path made absolute by ``absolute(field of the job file, path)``."""
        return self


def adam(learning_rate: float) -> dict[str, Any]:
    """The field ``optimizer`` of most learners, whose defaults differ in the rate."""
    return {"kind": "adam", "learning_rate": learning_rate}


class GradientOptions(LearnerOptions, frozen=True, kw_only=True):
    """Fields of every learner that is trained by gradient descent.

    ``optimizer``: the name of an optax optimizer under ``kind`` and its arguments beside it.  ``learning_rate`` may be
    a number or an optax schedule, again ``{kind: …, arguments}``; ``clip_norm`` bounds the gradient's global norm.
    ``l2``: adds l2/2 · |weights|² to the mean loss; intercepts and biases are not penalised.
    ``freeze``: groups of parameters that stay as they begin.  ``rate_factors``: by group, what the optimizer's steps
    are multiplied with.  A group is the name of an array, the beginning of some names, or a pattern.
    """

    STARTS_LIKE: ClassVar[tuple[str, ...] | None] = ()

    optimizer: dict[str, Any] = field(default_factory=lambda: adam(1e-3))
    clip_norm: Positive | None = None
    l2: NonNegative = 0.0
    freeze: list[str] = field(default_factory=list)
    rate_factors: dict[str, Positive] = field(default_factory=dict)

    @property
    def uses_gradient_descent(self) -> bool:
        return self.passes is None

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "standard"
