"""The fit of a linear model: by a solver in full passes, or by gradient descent, as its options say."""

import jax
import numpy as np
import numpy.typing as npt

from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import GeneralisedLinear, Likelihood, Linear
from yarnml.job.learners.base import adam
from yarnml.job.learners.linear import MAX_COEFFICIENTS, Method, usual_method
from yarnml.learners.base import Batch, Check, Learner
from yarnml.learners.gradient import GradientDescent, weight_decay
from yarnml.learners.linear.inference import Dispersion, Inference
from yarnml.learners.linear.passes import CurvedModel, FullPasses, Penalty
from yarnml.learners.linear.solvers.base import Solver
from yarnml.learners.linear.solvers.fista import Fista
from yarnml.learners.linear.solvers.lbfgs import Lbfgs
from yarnml.learners.linear.solvers.newton import Newton
from yarnml.learners.linear.solvers.normal import NormalEquations
from yarnml.learners.linear.solvers.search import LineSearch
from yarnml.learners.linear.traits import Labels, Traits
from yarnml.learners.noise import key_of
from yarnml.learners.optimizers import build_optimizer


def build_fitted(model: CurvedModel, traits: Traits, options: GeneralisedLinear, label: str) -> Learner:
    """The learner of a model by the method that a job asks for; JobFileError where the fields don't go together.

    ``label``: the name of its column, or of several.
    """
    check = _check(traits.labels, options.kind, label)
    if options.uses_gradient_descent and options.l1:
        raise JobFileError("learner.l1 needs learner.solver: fista, not an optimizer.")
    if options.uses_gradient_descent:
        optimizer = build_optimizer(options.optimizer or adam(1e-2), options.clip_norm)
        return GradientDescent(model, optimizer, weight_decay(options.l2), check, loss_degree=traits.degree)
    count = sum(a.size for a in jax.tree.leaves(model.init(key_of(0))))
    method = _method(traits, options, count)
    inference = _inference(traits.dispersion, options, method, count)
    penalty = Penalty(options.l1, options.l2, method.prior)
    return FullPasses(
        model,
        _solver(method, options),
        penalty,
        inference,
        check,
        classifies=traits.classifies,
        loss_degree=traits.degree,
    )


def _method(traits: Traits, options: GeneralisedLinear, count: int) -> Method:
    """The method that a job asks for, of a model of ``count`` coefficients, or else the usual one."""
    if options.solver is None:
        return usual_method(
            l1=options.l1 > 0,
            l2=options.l2 > 0,
            coefficients=count,
            unbounded=traits.unbounded,
            steepness=traits.steepness,
            kinked=traits.kinked,
        )
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
    if not isinstance(options, Likelihood) or dispersion is Dispersion.NONE:
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
