"""Inference on the coefficients of a linear model: their covariance by Fisher's information, or robust.

McCullagh & Nelder, "Generalized Linear Models", 1989, for the dispersion by Pearson's statistic; White, "A
Heteroskedasticity-Consistent Covariance Matrix Estimator", Econometrica 48, 1980, for the robust ones.
"""

from enum import Enum
from typing import Any, Literal, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from yarnml.learners.base import Batch

Robust = Literal["HC0", "HC1"]


class Dispersion(Enum):
    """The variance of the labels as a multiple of the family's own: the standard errors depend on it."""

    KNOWN = "once"
    DEVIANCE = "estimated, by the deviance over the degrees of freedom"
    PEARSON = "estimated, by Pearson's statistic over the degrees of freedom, which takes a pass of its own"
    NONE = "no standard errors: the loss is no likelihood, or coefficients are not unique"

    @property
    def is_estimated(self) -> bool:
        return self in (Dispersion.DEVIANCE, Dispersion.PEARSON)


class Fit(NamedTuple):
    """Sums over all rows at the solution.

    ``pearson``: weight · slope² / curvature, which is Pearson's statistic.  ``rows``: how many they stand for.
    """

    pearson: jax.Array
    rows: jax.Array


class Regression(Protocol):
    """A model whose rows have slopes, those of their losses by the linear predictor."""

    def slope_products(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · slope² ⊗ x ⊗ x, [n, n]."""

    def pearson(self, parameters: Any, batch: Batch) -> jax.Array:
        """Σ weight · slope² / curvature."""


class Inference(NamedTuple):
    """The way from a solver's last sums to the covariance of its coefficients.

    ``robust``: the covariance holds where labels vary otherwise than the family says.
    ``analytic``: a weight is the precision of one row, not a number of rows.
    """

    dispersion: Dispersion
    robust: Robust | None = None
    analytic: bool = False

    @property
    def has_last_pass(self) -> bool:
        """True where sums at the solution are needed that no solver has: one more pass when it has converged."""
        counts_rows = self.analytic and self.dispersion.is_estimated
        return self.robust is not None or self.dispersion is Dispersion.PEARSON or counts_rows

    @property
    def uses_t(self) -> bool:
        """True where a coefficient over its error has Student's distribution, false where it is normal."""
        return self.robust is None and self.dispersion.is_estimated

    def early(self, inverse: jax.Array, loss: jax.Array, weight: jax.Array) -> jax.Array:
        """The covariance [n, n] as far as it is known without the last pass, else 0.

        ``inverse`` [n, n]: of the mean curvature; ``loss``: the mean; ``weight``: of all rows.
        """
        if self.has_last_pass:
            return jnp.zeros_like(inverse)
        freedom = weight - rank(inverse)
        scale = 2 * loss * weight / freedom if self.dispersion.is_estimated else 1.0
        return jnp.where((freedom > 0) & jnp.isfinite(loss), inverse / weight * scale, 0.0)

    def fit(self, model: Regression, solution: Any, batch: Batch) -> Fit:
        """The sums over a batch at the solution, the parameters of a model."""
        pearson = model.pearson(solution, batch) if self.dispersion.is_estimated else jnp.zeros(())
        rows = jnp.where(batch.weight > 0, 1.0, 0.0) if self.analytic else batch.weight
        return Fit(pearson, jnp.sum(rows))

    def squared(self, batch: Batch) -> Batch:
        """The batch with the weights by which products of slopes are added up."""
        return batch._replace(weight=jnp.square(batch.weight)) if self.analytic else batch

    def last(self, inverse: jax.Array, products: jax.Array, fit: Fit, weight: jax.Array) -> jax.Array:
        """The covariance [n, n] from sums at the solution; ``products`` [n, n]: of the rows' slopes."""
        freedom = fit.rows - rank(inverse)
        scale = fit.pearson / freedom if self.dispersion.is_estimated else 1.0
        if self.robust is None:
            return jnp.where(freedom > 0, inverse / weight * scale, 0.0)
        scale = fit.rows / freedom if self.robust == "HC1" else 1.0
        return jnp.where(freedom > 0, inverse @ (products / jnp.square(weight)) @ inverse * scale, 0.0)


def rank(inverse: jax.Array) -> jax.Array:
    """The number of coefficients that the data determine: 0 stands for the others in an inverse."""
    return jnp.sum(jnp.where(jnp.diagonal(inverse) > 0, 1.0, 0.0))


@jax.jit
def freedom_of(inverse: jax.Array, loss: jax.Array, value: jax.Array, rows: jax.Array | None) -> jax.Array:
    """The degrees of freedom that are left, float32: of ``rows``, or of the weight that a sum and a mean loss have."""
    weight = jnp.where(value > 0, loss / jnp.where(value > 0, value, 1.0), 0.0)
    return ((weight if rows is None else rows) - rank(inverse)).astype(jnp.float32)
