"""Principal component analysis: the directions in which the rows vary most.

With Q the identity (``moments``) or a few orthonormal directions (``randomised``; Halko, Martinsson and Tropp, "Finding
Structure with Randomness", SIAM Review 2011, algorithm 4.4), a pass adds up C·Q, C the covariance matrix: x xᵀQ is a
sum over rows.  The eigenvectors of QᵀCQ, turned back by Q, are the components.  Then Q ← orth(C·Q), and again.

Every pass takes the moments around the mean of the pass before, since E[xxᵀ] - E[x]E[x]ᵀ loses all digits where a mean
is large beside its deviation.  So ``moments`` needs two: the first is good for the mean, the second for the rest.  All
is float64: the variance of a component may be a small part of the largest one.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import Pca
from yarnml.learners.base import Batch, Key, Learner, Scores, flat, sums_by

OVERSAMPLING = 10
"""Directions beside the components that the job asks for."""
TOLERANCE = 1e-4
"""The randomised method has converged when a pass changes no variance by more than this part of it."""
MAX_SUMMED_WIDTH = 4096
"""The largest width whose covariance matrix is added up as a whole: 64 MiB."""


class State(NamedTuple):
    """The state between two passes.

    ``model``: mean [width], components [k, width], variance [k] along them, and the total variance.
    ``basis``: Q [width, l]; None for the identity.
    """

    model: Any
    basis: jax.Array | None


class Sums(NamedTuple):
    """Sums around the state's mean: first [width], second [width, l]; the others are numbers."""

    weight: jax.Array
    first: jax.Array
    second: jax.Array
    square: jax.Array
    loss: jax.Array


class PcaLearner:
    """Principal components.

    `predict` gives the rows' coordinates [rows, k], `loss` the squared distance of a row from its projection.
    """

    exact = True

    def __init__(self, components: int, width: int, randomised: bool) -> None:
        self._components = components
        self._width = width
        self._directions = min(components + OVERSAMPLING, width) if randomised else None

    def init(self, key: Key) -> State:
        k = self._components
        width = self._width
        model = {"mean": jnp.zeros(width), "components": jnp.zeros((k, width)), "variance": jnp.zeros(k)}
        basis = jnp.linalg.qr(jax.random.normal(key, (width, self._directions)))[0] if self._directions else None
        return State({**model, "total": jnp.zeros(())}, basis)

    def map(self, state: State, batch: Batch) -> Sums:
        x = flat(batch.x).astype(jnp.float64) - state.model["mean"]
        weight = batch.weight.astype(jnp.float64)
        weighted = x * weight[:, None]
        second = sums_by(weighted, self._along(state.basis, x))
        loss = jnp.sum(self._residuals(state.model, x) * weight)
        return Sums(jnp.sum(weight), jnp.sum(weighted, axis=0), second, jnp.sum(weighted * x), loss)

    def update(self, state: State, sums: Sums) -> tuple[State, Scores]:
        weight = jnp.where(sums.weight > 0, sums.weight, 1.0)
        step = sums.first / weight
        second = sums.second / weight - step[:, None] * self._along(state.basis, step[None])
        inner = second if state.basis is None else state.basis.T @ second
        values, vectors = jnp.linalg.eigh((inner + inner.T) / 2)
        vectors = vectors if state.basis is None else state.basis @ vectors
        components = _fix_signs(vectors[:, ::-1].T[: self._components])
        model = {
            "mean": state.model["mean"] + step,
            "components": components,
            "variance": jnp.maximum(values[::-1][: self._components], 0.0),
            "total": jnp.maximum(sums.square / weight - jnp.sum(step * step), 0.0),
        }
        if state.basis is None:
            return State(model, None), Scores(sums.loss, sums.weight)
        change = jnp.abs(model["variance"] - state.model["variance"])
        settled = jnp.all(change <= TOLERANCE * model["variance"])
        return State(model, jnp.linalg.qr(second)[0]), Scores(sums.loss, sums.weight, settled)

    def _along(self, basis: jax.Array | None, x: jax.Array) -> jax.Array:
        return x if basis is None else jnp.matmul(x, basis, precision=jax.lax.Precision.HIGHEST)

    def predict(self, parameters: Any, x: jax.Array) -> jax.Array:
        return (flat(x) - parameters["mean"]) @ parameters["components"].T

    def loss(self, parameters: Any, batch: Batch) -> jax.Array:
        return self._residuals(parameters, flat(batch.x) - parameters["mean"])

    def _residuals(self, model: Any, x: jax.Array) -> jax.Array:
        """The squared distance of every row from its projection; x relative to the mean."""
        return jnp.sum(jnp.square(x - (x @ model["components"].T) @ model["components"]), axis=1)

    def parameters(self, state: State) -> Any:
        return jax.tree.map(lambda a: a.astype(jnp.float32), state.model)


def _fix_signs(components: jax.Array) -> jax.Array:
    """Choose the signs of eigenvectors, which are free: the entry that is largest in size becomes positive."""
    largest = jnp.take_along_axis(components, jnp.argmax(jnp.abs(components), axis=1)[:, None], axis=1)
    return components * jnp.where(largest < 0, -1.0, 1.0)


def build(options: Pca, schema: Schema) -> Learner:
    if options.components > schema.width:
        raise JobFileError(
            f"learner.components must be at most the {schema.width} numbers of a row, not {options.components}."
        )
    if options.method == "moments" and schema.width > MAX_SUMMED_WIDTH:
        raise JobFileError(
            f"learner.method moments adds up a matrix of {schema.width} x {schema.width} numbers; above "
            f"{MAX_SUMMED_WIDTH} choose randomised."
        )
    return PcaLearner(options.components, schema.width, options.method == "randomised")
