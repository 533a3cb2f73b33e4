"""Losses of one score a row: logistic, squared and Poisson."""

import jax
import jax.numpy as jnp

from yarnml.data.schema import Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import ScoreOptions
from yarnml.learners.base import Batch, Check, squared_error
from yarnml.learners.tables.base import Loss


class Logistic:
    """-log of the probability of a row's class; there are two."""

    def loss(self, score: jax.Array, batch: Batch) -> jax.Array:
        return jax.nn.softplus(score) - score * batch.y.astype(score.dtype)

    def predict(self, score: jax.Array) -> jax.Array:
        return jnp.stack([jax.nn.sigmoid(-score), jax.nn.sigmoid(score)], axis=1)


class Squared:
    """Half of the squared error."""

    def loss(self, score: jax.Array, batch: Batch) -> jax.Array:
        return squared_error(score, batch.y)

    def predict(self, score: jax.Array) -> jax.Array:
        return score


class Poisson:
    """Half of the deviance of a count whose mean is exp(score)."""

    def loss(self, score: jax.Array, batch: Batch) -> jax.Array:
        y = batch.y
        return jnp.exp(score) - score * y + y * jnp.log(jnp.where(y > 0, y, 1.0)) - y

    def predict(self, score: jax.Array) -> jax.Array:
        return jnp.exp(score)


def _check_counts(batch: Batch) -> None:
    """Refuse counts below 0."""
    if (batch.y[batch.weight > 0] < 0).any():
        raise DataError("learner.loss poisson needs labels of 0 or more; mend or drop the rows with others.")


def loss_of(options: ScoreOptions, schema: Schema) -> tuple[Loss, Check | None]:
    """The loss of a job file, and the rows that it can take; JobFileError where the label is none for it."""
    is_class = schema.label_type == "class"
    name = options.loss if options.loss != "auto" else "logistic" if is_class else "squared"
    if (name == "logistic") != is_class:
        needed = "a class label" if name == "logistic" else "a number to predict"
        raise JobFileError(f"learner.loss {name} needs {needed}, and '{schema.label}' is none; set data.label_type.")
    if is_class and schema.outputs != 2:
        raise JobFileError(
            f"learner.kind {options.kind} tells two classes apart, but '{schema.label}' has {schema.outputs}."
        )
    if name == "poisson":
        if schema.label_scale != "none":
            raise JobFileError(
                f"learner.loss poisson needs the label as it is; remove data.label_scale {schema.label_scale}."
            )
        return Poisson(), _check_counts
    return (Logistic() if is_class else Squared()), None
