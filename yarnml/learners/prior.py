"""Biases to begin with: the first prediction of a model of classes is the share that each has in the training rows.

A prior is float32 [*labels, classes], as `yarnml.data.schema.Schema.prior` has it; of amounts it is their mean,
[*labels].  Without one biases begin at 0, so that the first steps of a training on rare classes only find out that they
are rare.
"""

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp


@runtime_checkable
class StartsAtPrior(Protocol):
    """A model whose constant prediction is a bias."""

    def at_prior(self, parameters: Any, prior: jax.Array) -> Any:
        """The first parameters with the bias that predicts the prior, where the features say nothing."""


def log_odds(prior: jax.Array) -> jax.Array:
    """The logarithm of the odds of the second of two classes: [*labels, 2] → [*labels]."""
    return jnp.log(prior[..., 1]) - jnp.log(prior[..., 0])


def log_shares(prior: jax.Array) -> jax.Array:
    """Logarithms of the shares of classes, [classes], of mean 0: softmax does not mind a constant, and penalties do."""
    logs = jnp.log(prior)
    return logs - jnp.mean(logs)
