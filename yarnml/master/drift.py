"""Drift of rows: the population stability index (PSI) of features and predictions against those of earlier rows.

PSI = Σ over bins of (share now - share then) · ln(share now / share then).  The usual reading: below 0.1 nothing has
changed, from 0.25 on much has.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from yarnml.checkpoint.stream import Judgement
from yarnml.job.follow import Drift
from yarnml.job.metrics import rises

BINS = 10

LEAST_SHARE = 1e-4
"""Of a bin that holds no row, or nearly none: its logarithm stays finite."""

_DECILES = np.array([NormalDist().inv_cdf(share / BINS) for share in range(1, BINS)])


class Reference(Struct, frozen=True):
    """The rows that later ones are compared with.

    ``columns``: names.  ``edges``: of the bins of each column, ascending.  ``counts``: of rows in each bin.
    """

    columns: list[str]
    edges: list[list[float]]
    counts: list[list[float]]


def edges_of(moments: npt.NDArray[np.float64]) -> list[list[float]]:
    """The edges of the bins of each column: deciles of the normal distribution of its mean and deviation.

    ``moments`` [3, columns]: how many rows there are, Σ x and Σ x².
    """
    count = np.maximum(moments[0], 1.0)
    mean = moments[1] / count
    deviation = np.sqrt(np.maximum(moments[2] / count - mean**2, 0.0))
    edges: list[list[float]] = (mean[:, None] + deviation[:, None] * _DECILES).tolist()
    return edges


def indices(reference: Reference, counts: npt.NDArray[np.float64]) -> dict[str, float]:
    """The PSI of each column; ``counts`` [columns, bins]: of the rows now."""
    then = _shares(np.array(reference.counts))
    now = _shares(counts)
    psi = ((now - then) * np.log(now / then)).sum(axis=1)
    return dict(zip(reference.columns, psi.tolist(), strict=True))


def _shares(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return np.maximum(counts / total, LEAST_SHARE)


def window_mean(judged: Sequence[Judgement], window: int) -> dict[str, float]:
    """The metrics of the newest ``window`` batches: their means over the rows."""
    newest = judged[-window:]
    names = [name for name in newest[-1].metrics if all(name in judgement.metrics for judgement in newest)]
    rows = sum(judgement.rows for judgement in newest)
    return {name: sum(j.metrics[name] * j.rows for j in newest) / rows for name in names}


def reason(drift: Drift | None, judged: Sequence[Judgement], metric: str) -> str:
    """Say why the newest of these batches has drifted; empty where it has not."""
    if drift is None:
        return ""
    newest = judged[-1]
    reasons = []
    if drift.psi is not None and (worst := _worst(newest.psi)) and newest.psi[worst] >= drift.psi:
        reasons.append(f"PSI of {worst} is {newest.psi[worst]:.3g}, {drift.psi:g} or more")
    if drift.worse is not None and len(judged) > 1:
        before = window_mean(judged[:-1], len(judged)).get(metric)
        now = newest.metrics.get(metric)
        if before is not None and now is not None and _loss(before, now, metric) > drift.worse:
            reasons.append(f"{metric} is {now:.4g}, worse than {before:.4g} by more than {drift.worse:g} of it")
    return " and ".join(reasons)


def _worst(psi: Mapping[str, float]) -> str:
    return max(psi, key=psi.__getitem__, default="")


def _loss(before: float, now: float, metric: str) -> float:
    """The part of a metric's value before by which it is worse now."""
    difference = before - now if rises(metric) else now - before
    return difference / abs(before) if before else difference
