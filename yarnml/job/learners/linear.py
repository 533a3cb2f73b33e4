"""Generalised linear models."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from msgspec import Meta
from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job.fields import Fraction, Fractions, NonNegative, Positive
from yarnml.job.learners.axes import ParameterAxes
from yarnml.job.learners.base import LearnerOptions, Passes, adam

if TYPE_CHECKING:  # `yarnml.job.spec` has the options among its fields
    from yarnml.job.spec import Job

Solver = Literal["normal", "newton", "lbfgs", "fista"]

MAX_COEFFICIENTS = 2000
"""The most coefficients of a model whose matrix of curvature is summed: 32 MB a shard."""

PRIOR = 0.5
"""The usual prior: of 1, 0.5, 0.3, 0.2 and 0.1 the one with the least logistic loss on held-out rows of five sets."""

USUAL_PASSES = {"normal": 2, "newton": 20, "lbfgs": 100, "fista": 500}

KINKED_PASSES = 300
"""The usual passes of a loss whose curvature says little."""


class Method(NamedTuple):
    """A solver, and its ``prior``: prior/2 · Σ w² is added to the sum of losses, for features of variance 1."""

    solver: Solver
    prior: float


def usual_method(
    *, l1: bool, l2: bool, coefficients: int, unbounded: bool, steepness: float = 1.0, kinked: bool = False
) -> Method:
    """Choose the method of a job that names neither a solver nor an optimizer.

    ``unbounded``: the loss of a family may go on falling as coefficients grow, as where a plane tells classes apart; a
    prior keeps them finite, and fades as rows come.
    ``steepness``: the curvature of the loss, as a multiple of logistic loss's, and so that of the prior.
    ``kinked``: the curvature of the loss says little of how far to go.
    """
    prior = PRIOR * steepness if unbounded and not (l1 or l2) else 0.0
    if l1:
        return Method("fista", prior)
    return Method("lbfgs" if kinked or coefficients > MAX_COEFFICIENTS else "newton", prior)


class GeneralisedLinear(LearnerOptions, frozen=True, kw_only=True):
    """Fields of the generalised linear models.

    ``solver``: a method for full passes; ``fista`` is the one that takes ``l1``, which adds l1 · Σ|weights| to the mean
    loss.  ``optimizer`` and ``clip_norm``: gradient descent instead, as for networks.  Where none of the three is
    given, there is a solver, by `usual_method`.
    ``tolerance``: the solver has converged when it can lower the loss by no more than about tolerance² of it.
    ``l2``: adds l2/2 · |weights|² to the mean loss; intercepts are not penalised.
    """

    TAKES_OFFSET = True
    TAKES_LABELS = True
    STARTS_LIKE = ()

    solver: Solver | None = None
    optimizer: dict[str, Any] | None = None
    clip_norm: Positive | None = None
    tolerance: Annotated[float, Meta(gt=0, lt=1)] = 1e-6
    l1: NonNegative = 0.0
    l2: NonNegative = 0.0

    @property
    def axes(self) -> ParameterAxes:
        return ParameterAxes(numbers={"weight": 0})

    @property
    def uses_gradient_descent(self) -> bool:
        return self.solver is None and not (self.optimizer is None and self.clip_norm is None)

    @property
    def passes(self) -> Passes | None:
        if self.uses_gradient_descent:
            return None
        return Passes(1, USUAL_PASSES[self.solver or ("fista" if self.l1 else "lbfgs")])

    @property
    def scales(self) -> bool:
        return not self.uses_gradient_descent

    @property
    def to_converge(self) -> str | None:
        if self.uses_gradient_descent or self.solver == "normal":  # `normal` has its solution after one epoch
            return None
        return "raise training.epochs, or learner.tolerance if fewer digits will do"

    @property
    def method(self) -> str:
        return f"learner.solver {self.solver}" if self.solver else super().method

    def in_batches(self) -> Self:
        is_open = self.solver is None and self.optimizer is None and not self.l1
        return replace(self, optimizer=adam(1e-2)) if is_open else self


class Likelihood(GeneralisedLinear, frozen=True, kw_only=True):
    """Fields of the models whose loss is a likelihood, so that coefficients have errors.

    ``robust``: errors of coefficients are White's ``HC0``, or ``HC1`` with its correction for few rows, which hold
    where labels vary otherwise than the model says; not given, by Fisher's information.
    ``weights``: what a weight is to errors: so many rows (``frequency``), or the precision of one row (``analytic``).
    """

    robust: Literal["HC0", "HC1"] | None = None
    weights: Literal["frequency", "analytic"] | None = None

    def check(self, job: "Job") -> None:
        if len(job.data.labels) > 1 and (self.robust or self.weights):
            raise JobFileError(
                f"learner.{'robust' if self.robust else 'weights'} is about errors of coefficients, which a model of "
                "several labels has not; remove it."
            )
        if self.weights and job.data.weight is None:
            raise JobFileError("learner.weights says what the column data.weight is, which is missing; give it.")
        if self.robust is None:
            return
        penalty = "l1" if self.l1 else "l2" if self.l2 else None
        if penalty:
            raise JobFileError(
                f"learner.robust {self.robust} is of coefficients without a penalty; remove it or learner.{penalty}."
            )
        if self.uses_gradient_descent or self.solver not in (None, "newton"):
            other = "gradient descent" if self.uses_gradient_descent else f"learner.solver {self.solver}"
            raise JobFileError(
                f"learner.robust {self.robust} comes from learner.solver newton, not from {other}; choose newton."
            )


class Linear(Likelihood, frozen=True, kw_only=True, tag="linear"):
    """Linear regression: least squares of a number label, the one that ``solver: normal`` is for."""

    PREDICTS = "number"

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "standard" if self.uses_gradient_descent else "none"


class Logistic(Likelihood, frozen=True, kw_only=True, tag="logistic"):
    """Logistic regression: two classes, one weight vector."""


class Softmax(GeneralisedLinear, frozen=True, kw_only=True, tag="softmax"):
    """Softmax (multinomial logistic) regression: two classes or more, one weight vector each."""

    TAKES_LABELS = False
    TAKES_OFFSET = False

    @property
    def axes(self) -> ParameterAxes:
        return ParameterAxes(numbers={"weight": 0}, classes={"weight": 1, "bias": 0})


class Poisson(Likelihood, frozen=True, kw_only=True, tag="poisson"):
    """Poisson regression: counts, whose mean is the exponential of a linear function."""

    PREDICTS = "number"
    TAKES_LABEL_SCALE = False
    STARTS_AT_MEAN = True


class Gamma(Likelihood, frozen=True, kw_only=True, tag="gamma"):
    """Gamma regression: numbers above 0, whose mean is the exponential of a linear function."""

    PREDICTS = "number"
    TAKES_LABEL_SCALE = False
    STARTS_AT_MEAN = True


class NegativeBinomial(Likelihood, frozen=True, kw_only=True, tag="negative_binomial"):
    """Negative binomial regression: counts of mean μ, the exponential of a linear function, and larger variance.

    ``alpha``: the variance is μ + alpha · μ².
    """

    PREDICTS = "number"
    TAKES_LABEL_SCALE = False
    STARTS_AT_MEAN = True

    alpha: Positive = 1.0


class Ordinal(Likelihood, frozen=True, kw_only=True, tag="ordinal"):
    """Ordinal logistic regression (proportional odds): classes in order, one weight vector for all of them."""

    TAKES_LABELS = False


class Quantile(GeneralisedLinear, frozen=True, kw_only=True, tag="quantile"):
    """Linear regression of a quantile of the label, or of several.

    ``quantile``: the part of the labels that lies below the prediction; of a list there is a prediction for each.
    """

    PREDICTS = "number"

    quantile: Fraction | Fractions = 0.5

    @property
    def quantiles(self) -> list[float]:
        return self.quantile if isinstance(self.quantile, list) else []

    @property
    def passes(self) -> Passes | None:
        passes = super().passes
        return passes and passes._replace(usual=KINKED_PASSES * max(1, len(self.quantiles)))

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "standard"


class Huber(GeneralisedLinear, frozen=True, kw_only=True, tag="huber"):
    """Linear regression that counts errors beyond ``delta`` by their size, not their square.

    ``delta``: in the units of the label, as ``data.label_scale`` leaves it; ``auto`` scales it.
    """

    PREDICTS = "number"

    delta: Positive = 1.35

    @property
    def label_scale(self) -> Literal["none", "standard"]:
        return "standard"


class Svm(GeneralisedLinear, frozen=True, kw_only=True, tag="svm"):
    """A linear support vector machine: two classes, squared hinge loss."""

    TAKES_LABELS = False
