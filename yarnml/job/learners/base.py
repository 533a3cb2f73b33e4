"""What every kind of learner says of itself, and the types of its fields."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from msgspec import Meta, Struct, field

PositiveInt = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Part = Annotated[float, Meta(ge=0, lt=1)]


class Passes(NamedTuple):
    """Epochs of a learner that goes over all rows: at least, and where the job file does not say.

    ``each``: passes over the data in one epoch, each of which ends with an update.
    """

    least: int
    usual: int
    each: int = 1


class LearnerOptions(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What a kind says of itself, beside its fields.

    ``LABEL``: whether it needs ``data.label``, may have it, or learns without.
    ``MISSING``: whether it can take NaN for a feature that is missing.
    ``WORDS``: whether its features may be ids of words, or must be.
    """

    LABEL: ClassVar[Literal["needed", "optional", "none"]] = "needed"
    MISSING: ClassVar[bool] = False
    WORDS: ClassVar[Literal["none", "optional", "only"]] = "none"

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


class GradientOptions(LearnerOptions, frozen=True, kw_only=True):
    """Fields of every learner that is trained by gradient descent.

    ``optimizer``: the name of an optax optimizer under ``kind`` and its arguments beside it.  ``learning_rate`` may be
    a number or an optax schedule, again ``{kind: …, arguments}``; ``clip_norm`` bounds the gradient's global norm.
    ``l2``: adds l2/2 · |weights|² to the mean loss; intercepts and biases are not penalised.
    """

    optimizer: dict[str, Any] = field(default_factory=lambda: {"kind": "adam", "learning_rate": 1e-3})
    clip_norm: Annotated[float, Meta(gt=0)] | None = None
    l2: NonNegative = 0.0
