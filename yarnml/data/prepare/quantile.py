"""The share of the training rows below a number, or the same share of a normal distribution."""

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import float64
from yarnml.data.prepare import numeric
from yarnml.data.prepare.findings import Finding
from yarnml.job.prepare import QuantileShare

needs = numeric.needs
gives = numeric.gives
find = numeric.find_quantiles
names = numeric.names

LEAST_SHARE = 1e-7
"""Shares nearer to 0 or 1 count as this near, so that they have a place in a normal distribution."""


def learn(step: QuantileShare, finding: Finding, where: str) -> QuantileShare:
    shares = np.linspace(0, 1, step.quantiles).tolist()
    return msgspec.structs.replace(step, edges=numeric.quantiles_at(finding, shares, where))


def apply(step: QuantileShare, column: pa.Array, where: str) -> pa.Array:
    """Interpolate from both sides, so that a value that many rows have lies in the middle of its shares."""
    x = float64(column)
    edges = np.array(step.edges or [0.0, 1.0])
    shares = np.linspace(0, 1, len(edges))
    below = np.interp(x, edges, shares)
    above = -np.interp(-x, -edges[::-1], -shares[::-1])
    share = np.where(x >= edges[-1], 1.0, (below + above) / 2)
    share = np.where(x <= edges[0], 0.0, share)
    if step.to == "normal":
        from scipy.special import ndtri  # type: ignore[import-untyped]  # takes long to load

        share = ndtri(np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE))
    return numeric.column_of(np.where(np.isnan(x), np.nan, share))
