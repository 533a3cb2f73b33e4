"""Generalised linear models: a family relates the label to w·x + b, a solver or an optimizer finds w and b.

Chu et al., "Map-Reduce for Machine Learning on Multicore", NIPS 2006, for the summation form; McCullagh & Nelder,
"Generalized Linear Models", 1989, for the families.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from yarnml.data.schema import Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import GeneralisedLinear, Likelihood, Linear
from yarnml.job.learners.base import adam
from yarnml.job.learners.linear import MAX_COEFFICIENTS, Method, usual_method
from yarnml.learners.base import Batch, Check, Key, Learner, flat, split_offset
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.linear.inference import Dispersion, Inference
from yarnml.learners.linear.passes import FullPasses, Penalty
from yarnml.learners.linear.solvers.base import Solver
from yarnml.learners.linear.solvers.fista import Fista
from yarnml.learners.linear.solvers.lbfgs import Lbfgs
from yarnml.learners.linear.solvers.newton import Newton
from yarnml.learners.linear.solvers.normal import NormalEquations
from yarnml.learners.linear.solvers.search import LineSearch
from yarnml.learners.optimizers import build_optimizer

PRECISION = jax.lax.Precision.HIGHEST
"""Float32 on GPUs too, where the default keeps fewer digits."""


class Labels(NamedTuple):
    """The labels that a family can take; ``low`` itself only with ``closed``."""

    low: float
    closed: bool
    words: str


class Traits(NamedTuple):
    """Facts about a family.

    ``labels``: those that the family can take; None for all.
    ``outputs``: the shape of a row's predictors, () or (classes,).
    ``classifies``: the loss is -log of a class's probability.
    ``unbounded``: the loss may have no least value at finite coefficients.
    ``start``: the bias to begin with, given the slope of the mean loss by the bias where all parameters are 0; None
    for 0.
    """

    labels: Labels | None = None
    dispersion: Dispersion = Dispersion.NONE
    outputs: tuple[int, ...] = ()
    classifies: bool = False
    unbounded: bool = False
    start: Callable[[jax.Array], jax.Array] | None = None


def log_mean(slope: jax.Array) -> jax.Array:
    """The bias to begin with for means exp(η), where ``slope`` is 1 - the mean of the labels."""
    return jnp.log(jnp.maximum(1 - slope, 1e-6))


class Family(Protocol):
    """The relation of the label to ``eta``, w·x + b: [rows], or [rows, outputs] for one predictor per class."""

    @property
    def traits(self) -> Traits: ...

    def loss(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The loss of every row [rows], convex in ``eta``."""

    def curvature(self, eta: jax.Array, y: jax.Array) -> jax.Array:
        """The loss's second derivative in ``eta``, its mean, or a bound; [rows] or [rows, outputs, outputs]."""

    def predict(self, eta: jax.Array) -> jax.Array:
        """The learner's predictions, [rows] or [rows, classes]."""


class LinearPredictor:
    """A family's model of x [rows, *shape]: ``weight`` [width, *outputs] and ``bias`` [*outputs] begin at 0.

    ``has_offset``: the last number of a row is added to its predictor.
    """

    def __init__(self, family: Family, width: int, *, has_offset: bool = False) -> None:
        self._family = family
        self._width = width
        self._has_offset = has_offset

    def init(self, key: Key) -> Any:
        outputs = self._family.traits.outputs
        return {"weight": jnp.zeros((self._width, *outputs)), "bias": jnp.zeros(outputs)}

    def start(self, gradient: Any) -> Any:
        begin = None if self._has_offset else self._family.traits.start
        return {"weight": jnp.zeros_like(gradient["weight"]), "bias": begin(gradient["bias"])} if begin else None

    def units(self, factor: jax.Array) -> Any:
        outputs = self._family.traits.outputs
        weight = jnp.broadcast_to(factor.reshape(-1, *[1] * len(outputs)), (self._width, *outputs))
        return {"weight": weight.astype(jnp.float64), "bias": jnp.ones(outputs)}

    def _eta(self, parameters: Any, x: jax.Array) -> jax.Array:
        features, offset = split_offset(flat(x), self._width)
        eta = jnp.matmul(features, parameters["weight"], precision=PRECISION) + parameters["bias"]
        return eta + offset if self._has_offset else eta

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return self._family.predict(self._eta(parameters, x))

    def loss(self, parameters: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return self._family.loss(self._eta(parameters, x), y)

    def curvature(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · curvature ⊗ (1, x) ⊗ (1, x): [n, n], the biases first."""
        return self._products(self._family.curvature(self._eta(parameters, batch.x), batch.y), batch)

    def slope_products(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · slope² ⊗ (1, x) ⊗ (1, x): [n, n]; ``slope``: of a row's loss by its one predictor."""
        return self._products(jnp.square(self._slopes(parameters, batch)), batch)

    def pearson(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · slope² / curvature, Pearson's statistic where the curvature is the expected one."""
        curvature = self._family.curvature(self._eta(parameters, batch.x), batch.y)
        return jnp.sum(batch.weight * jnp.square(self._slopes(parameters, batch)) / curvature)

    def _slopes(self, parameters: Any, batch: Batch) -> jax.Array:
        eta = self._eta(parameters, batch.x)
        return jax.grad(lambda eta: jnp.sum(self._family.loss(eta, batch.y)))(eta)

    def _products(self, factor: jax.Array, batch: Batch) -> jax.Array:
        """Σ weight · factor ⊗ (1, x) ⊗ (1, x): [n, n]; ``factor``: [rows] or [rows, outputs, outputs]."""
        features, _ = split_offset(flat(batch.x), self._width)
        x = jnp.concatenate([jnp.ones((len(batch.weight), 1)), features], axis=1)
        width = x.shape[1]
        k = factor.shape[-1] if factor.ndim > 1 else 1
        blocks = factor.reshape(-1, k * k).T * batch.weight
        sums = jax.lax.map(lambda block: jnp.matmul(x.T, block[:, None] * x, precision=PRECISION), blocks)
        return sums.reshape(k, k, width, width).transpose(2, 0, 3, 1).reshape(width * k, width * k)


def build_glm(family: Family, options: GeneralisedLinear, schema: Schema) -> Learner:
    """The learner of a family for these columns.  Raises JobFileError where the fields don't go together."""
    model = LinearPredictor(family, schema.width, has_offset=schema.offset is not None)
    check = _check(family.traits.labels, options.kind, str(schema.label))
    if options.uses_gradient_descent and options.l1:
        raise JobFileError("learner.l1 needs learner.solver: fista, not an optimizer.")
    if options.uses_gradient_descent:
        optimizer = build_optimizer(options.optimizer or adam(1e-2), options.clip_norm)
        return GradientDescent(model, optimizer, weight_decay(options.l2), check)
    count = sum(a.size for a in jax.tree.leaves(model.init(jax.random.key(0))))
    method = _method(family, options, count)
    inference = _inference(family.traits.dispersion, options, method, count)
    penalty = Penalty(options.l1, options.l2, method.prior)
    return FullPasses(model, _solver(method, options), penalty, inference, check, classifies=family.traits.classifies)


def _method(family: Family, options: GeneralisedLinear, count: int) -> Method:
    """The method that a job asks for, of a model of ``count`` coefficients, or else the usual one."""
    if options.solver is None:
        unbounded = family.traits.unbounded
        return usual_method(l1=options.l1 > 0, l2=options.l2 > 0, coefficients=count, unbounded=unbounded)
    if options.l1 and options.solver != "fista":
        raise JobFileError(f"learner.l1 needs learner.solver: fista, not {options.solver}.")
    if options.optimizer or options.clip_norm:
        other = "clip_norm" if options.clip_norm else "optimizer"
        raise JobFileError(
            f"learner.{other} is for gradient descent, but learner.solver is {options.solver}; leave one of them out."
        )
    if options.solver == "normal" and not isinstance(options, Linear):
        raise JobFileError(
            f"learner.solver normal is for least squares; for learner.kind {options.kind} choose newton."
        )
    if options.solver in ("normal", "newton") and count > MAX_COEFFICIENTS:
        raise JobFileError(
            f"learner.solver {options.solver} sums a matrix of all pairs of coefficients, for {MAX_COEFFICIENTS} of "
            f"them at most, but there are {count}; choose lbfgs."
        )
    return Method(options.solver, 0.0)


def _solver(method: Method, options: GeneralisedLinear) -> Solver:
    match method.solver:
        case "normal":
            return NormalEquations()
        case "newton":
            return LineSearch(Newton(), options.tolerance)
        case "lbfgs":
            return LineSearch(Lbfgs(), options.tolerance)
        case "fista":
            return Fista(options.tolerance)


def _inference(dispersion: Dispersion, options: GeneralisedLinear, method: Method, count: int) -> Inference | None:
    """The inference on ``count`` coefficients without penalty; None where they have no errors."""
    if not isinstance(options, Likelihood):
        return None
    if options.robust and method.solver != "newton":
        raise JobFileError(
            f"learner.robust {options.robust} comes from learner.solver newton, for {MAX_COEFFICIENTS} "
            f"coefficients at most, but there are {count}; remove it."
        )
    if options.l1 or options.l2:
        return None
    return Inference(dispersion, options.robust, analytic=options.weights == "analytic")


def _check(labels: Labels | None, kind: str, name: str) -> Check | None:
    """A check that refuses rows whose label the family can't take; None for a family that takes all."""
    if labels is None:
        return None

    def check(rows: Batch) -> None:
        y: npt.NDArray[np.float32] = rows.y[rows.weight > 0]
        bad = y[y < labels.low] if labels.closed else y[y <= labels.low]
        if len(bad):
            raise DataError(
                f"Label '{name}' holds {bad[0]:g}, but learner.kind {kind} needs {labels.words}; "
                "drop or repair these rows, or choose linear or huber."
            )

    return check
