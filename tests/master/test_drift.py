"""Drift: the PSI of columns, means over a window, and the reason that a batch is said to have drifted."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from yarnml.checkpoint.stream import Judgement
from yarnml.job.follow import Drift
from yarnml.master.drift import Reference, edges_of, indices, reason, window_mean
from yarnml.worker.column_counts import counts, moments


def test_psi_is_that_of_the_shares_in_the_bins() -> None:
    """PSI of two halves of real rows is Σ (p - q) ln(p / q), by NumPy's histograms, however rows are cut into sums."""
    x, _ = load_diabetes(return_X_y=True)
    then = x[::2]
    now = x[x[:, 2] > 0]
    edges = edges_of(moments(then[:100]) + moments(then[100:]))
    bins = [np.array(column) for column in edges]
    reference = Reference([f"x{k}" for k in range(10)], edges, counts(then, bins).tolist())
    psi = indices(reference, counts(now[:50], bins) + counts(now[50:], bins))
    for place, column in enumerate(bins):
        np.testing.assert_allclose(column[4], then[:, place].mean(), atol=1e-12)
        infinite = np.concatenate([[-np.inf], np.nextafter(column, np.inf), [np.inf]])
        p, q = (np.maximum(np.histogram(rows[:, place], infinite)[0] / len(rows), 1e-4) for rows in (now, then))
        assert psi[f"x{place}"] == pytest.approx(((p - q) * np.log(p / q)).sum())
    assert max(psi, key=psi.__getitem__) == "x2"
    assert max(indices(reference, counts(then, bins)).values()) == 0


def judged(batch: int, rows: int, loss: float, **psi: float) -> Judgement:
    return Judgement(batch, rows, {"loss": loss, "accuracy": 1 - loss}, psi)


def test_metrics_over_a_window_count_rows() -> None:
    """The mean over the newest batches is by rows, of the metrics that all of them have."""
    batches = [judged(1, 5, 9.0), judged(2, 100, 0.1), Judgement(3, 300, {"loss": 0.5})]
    assert window_mean(batches, 2) == {"loss": pytest.approx(0.4)}


@pytest.mark.parametrize(
    ("drift", "metric", "batches", "words"),
    [
        (None, "loss", [judged(1, 1, 0.1, x=9.0)], ""),
        (Drift(), "loss", [judged(1, 1, 0.1, x=0.2, y=0.24)], ""),
        (Drift(), "loss", [judged(1, 1, 0.1, x=0.2, y=0.25)], "PSI of y is 0.25, 0.25 or more"),
        (Drift(psi=None), "loss", [judged(1, 1, 0.1, x=9.0)], ""),
        (Drift(worse=0.1), "loss", [judged(1, 1, 0.1), judged(2, 1, 0.109)], ""),
        (Drift(worse=0.1), "loss", [judged(1, 1, 0.1), judged(2, 1, 0.12)], "loss is 0.12, worse than 0.1"),
        (Drift(worse=0.1), "accuracy", [judged(1, 1, 0.1), judged(2, 1, 0.3)], "accuracy is 0.7, worse than 0.9"),
        (Drift(worse=0.1), "loss", [judged(1, 1, 0.1)], ""),
    ],
)
def test_the_reason_of_a_drift(drift: Drift | None, metric: str, batches: Any, words: str) -> None:
    """A batch has drifted by the PSI of a column, or by a metric that is worse than over the batches before it."""
    assert reason(drift, batches, metric).startswith(words)
    assert bool(words) == bool(reason(drift, batches, metric))
