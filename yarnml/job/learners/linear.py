"""Generalised linear models."""

from typing import Annotated, Literal

from msgspec import Meta

from yarnml.job.fields import NonNegative, Positive
from yarnml.job.learners.base import GradientOptions, Passes


class GeneralisedLinear(GradientOptions, frozen=True, kw_only=True):
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

    @property
    def scales(self) -> bool:
        return self.solver is not None

    @property
    def to_converge(self) -> str | None:
        if self.solver in (None, "normal"):  # `normal` has its solution after one epoch
            return None
        return "raise training.epochs, or learner.tolerance if fewer digits will do"

    @property
    def method(self) -> str:
        return f"learner.solver {self.solver}" if self.solver else super().method


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

    delta: Positive = 1.35


class Svm(GeneralisedLinear, frozen=True, kw_only=True, tag="svm"):
    """A linear support vector machine: two classes, squared hinge loss."""
