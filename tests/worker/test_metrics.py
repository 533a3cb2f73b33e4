"""Metrics are scikit-learn's on the whole data, however the rows are cut; so is the scaling."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as right
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from yarnml.data.batches import pad
from yarnml.data.scaling import moments, standard
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.errors import DataError, ModelError
from yarnml.reduce.tree import combine
from yarnml.worker.metrics.evaluation import Evaluation
from yarnml.worker.metrics.ranking import BINS, rank_bin

NUMBER, TWO, FOUR = (
    Schema((Feature("x", 1),), "y", "class" if n else "number", tuple(range(n)), "w") for n in (0, 2, 4)
)


def evaluate(
    outputs: Any, loss: Any, y: Any, weight: Any, schema: Schema, cuts: list[int], names: Sequence[str] = ()
) -> dict[str, float]:
    """The metrics from one part per piece between ``cuts``, each padded, added along the tree."""
    evaluation = Evaluation(schema, names)
    n = len(y)
    x = np.zeros((n, 1), np.float32)
    bounds = [0, *sorted(cuts), n]
    parts = {}
    for s, (low, high) in enumerate(pairwise(bounds)):
        rows = pad(Rows(x[low:high], y[low:high], weight[low:high]), high - low + 3)
        out = np.concatenate([outputs[low:high], np.full((3, *outputs.shape[1:]), np.nan, np.float32)])
        parts[s] = evaluation.sums(out, np.concatenate([loss[low:high], np.full(3, np.nan, np.float32)]), rows)
    (total,) = combine(parts, len(parts)).values()
    return evaluation.metrics(total)


@st.composite
def evaluations(draw: st.DrawFn, classes: int) -> tuple[Any, ...]:
    """Random outputs, losses, labels, weights (some 0) and cuts; a seed stands for the numbers."""
    n = draw(st.integers(4, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = random.integers(classes, size=n).astype(np.int32) if classes else random.normal(3, 2, n).astype(np.float32)
    if classes:
        y[:classes] = range(classes)
    outputs = random.normal(size=(n, classes) if classes else n) * draw(st.sampled_from([0.1, 1.0, 30.0]))
    if draw(st.booleans()):
        outputs = np.round(outputs, 1)  # ties
    weight = random.integers(0, 3, n) if draw(st.booleans()) else random.uniform(0.1, 2, n)
    weight[: max(classes, 2)] = 1
    cuts = draw(st.lists(st.integers(0, n), max_size=6))
    return outputs.astype(np.float32), random.exponential(size=n).astype(np.float32), y, weight.astype(np.float32), cuts


@given(evaluations(0))
def test_regression_metrics_are_exact(case: tuple[Any, ...]) -> None:
    """Loss, RMSE and R² equal scikit-learn's on all rows at once, weights included, for every cut."""
    outputs, loss, y, weight, cuts = case
    metrics = evaluate(outputs, loss, y, weight, NUMBER, cuts)
    assert metrics["loss"] == pytest.approx(np.average(loss, weights=weight))
    assert metrics["rmse"] == pytest.approx(right.root_mean_squared_error(y, outputs, sample_weight=weight), rel=1e-5)
    assert metrics["r2"] == pytest.approx(right.r2_score(y, outputs, sample_weight=weight), rel=1e-5, abs=1e-6)


@given(evaluations(4))
def test_accuracy_is_exact(case: tuple[Any, ...]) -> None:
    """Loss and accuracy equal scikit-learn's on all rows at once, weights included, for every cut."""
    outputs, loss, y, weight, cuts = case
    metrics = evaluate(outputs, loss, y, weight, FOUR, cuts)
    assert metrics.keys() == {"loss", "accuracy"}
    assert metrics["loss"] == pytest.approx(np.average(loss, weights=weight))
    assert metrics["accuracy"] == pytest.approx(right.accuracy_score(y, outputs.argmax(axis=1), sample_weight=weight))


@given(evaluations(2), st.booleans())
@settings(max_examples=60)
def test_roc_auc_is_within_its_own_error(case: tuple[Any, ...], probabilities: bool) -> None:
    """The area lies within ``roc_auc_error`` of scikit-learn's, for probabilities and for logits, with ties."""
    outputs, loss, y, weight, cuts = case
    score = outputs[:, 1].astype(float) - outputs[:, 0]
    if probabilities:
        p = (1 / (1 + np.exp(-score))).astype(np.float32)
        outputs = np.stack([1 - p, p], axis=1)
        score = p
    metrics = evaluate(outputs, loss, y, weight, TWO, cuts)
    area = right.roc_auc_score(y, score, sample_weight=weight)
    assert abs(metrics["roc_auc"] - area) <= metrics["roc_auc_error"] + 1e-9
    assert metrics["roc_auc_error"] <= 0.5


@given(evaluations(2), st.lists(st.integers(0, 4), max_size=6))
@settings(max_examples=30)
def test_metrics_do_not_depend_on_the_cut(case: tuple[Any, ...], other: list[int]) -> None:
    """Two cuts of the same rows give the same metrics."""
    *rows, cuts = case
    one, two = (evaluate(*rows, TWO, c) for c in (cuts, other))
    assert one == pytest.approx(two)


def test_distinct_probabilities_are_told_apart() -> None:
    """With a thousand scores the histogram costs less than 1e-3 of area, near 0 and 1 too."""
    random = np.random.default_rng(0)
    n = 2000
    y = random.integers(2, size=n).astype(np.int32)
    for spread in (0.5, 3.0, 12.0):
        margin = (random.normal(size=n) + y) * spread
        outputs = (1 / (1 + np.exp([margin, -margin]))).T.astype(np.float32)
        metrics = evaluate(outputs, np.ones(n, np.float32), y, np.ones(n, np.float32), TWO, [])
        assert metrics["roc_auc_error"] < 1e-3
        assert metrics["roc_auc"] == pytest.approx(right.roc_auc_score(y, margin), abs=1e-3)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=50))
def test_bins_never_decrease_with_the_score(scores: list[float]) -> None:
    """A larger score never falls into a lower bin, and no score falls outside."""
    bins = rank_bin(np.sort(np.array(scores, np.float32)), BINS)
    assert (np.diff(bins) >= 0).all()
    assert bins[0] >= 0
    assert bins[-1] < BINS


def test_what_is_not_defined_is_left_out() -> None:
    """R² of a constant label, the ROC curve of one class, and everything of no weight have no number."""
    ones = np.ones(5, np.float32)
    assert evaluate(2 * ones, ones, 3e3 * ones, ones, NUMBER, [2]).keys() == {"loss", "rmse"}
    scores = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1]]
    zeros = np.zeros(5, np.int32)
    assert evaluate(scores, ones, zeros, ones, TWO, [2]).keys() == {"loss", "accuracy"}
    assert evaluate(scores, ones, zeros, 0 * ones, TWO, [2]) == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_an_error(bad: float) -> None:
    """An evaluation never reports NaN or infinity as if it were a result."""
    ones = np.ones(4, np.float32)
    with pytest.raises(ModelError, match=f"loss on the evaluation data is {bad}"):
        evaluate(ones, np.array([1, bad, 1, 1], np.float32), ones, ones, NUMBER, [])


def rows_of(x: Any, weight: Any) -> Rows:
    return Rows(np.asarray(x, np.float32), np.zeros(len(x), np.int32), np.asarray(weight, np.float32))


@given(st.lists(st.integers(0, 178), max_size=5), st.booleans())
@settings(max_examples=30)
def test_scaling_is_the_standard_scaler(cuts: list[int], weighted: bool) -> None:
    """On the wines, mean and factor are scikit-learn's, weights included, for every cut."""
    x = load_wine().data
    weight = np.arange(len(x)) % 4 if weighted else np.ones(len(x))
    schema = Schema((Feature("x", x.shape[1]),), "y", "class", (0, 1))
    bounds = [0, *sorted(cuts), len(x)]
    leaves = {s: moments(rows_of(x[low:high], weight[low:high])) for s, (low, high) in enumerate(pairwise(bounds))}
    (total,) = combine(leaves, len(leaves)).values()
    scaling = standard(total, schema)
    expected = StandardScaler().fit(x.astype(np.float32), sample_weight=weight)
    np.testing.assert_allclose(scaling.mean, expected.mean_, rtol=1e-6)
    np.testing.assert_allclose(1 / scaling.factor, expected.scale_, rtol=1e-5)


def test_a_constant_column_becomes_zero() -> None:
    """A column that never changes carries nothing: it is scaled to 0, not divided by its rounding error."""
    schema = Schema((Feature("a", 1), Feature("b", 1)), "y", "class", (0, 1))
    x = np.stack([np.full(1000, 0.1), np.arange(1000)], axis=1)
    scaling = standard(moments(rows_of(x, np.ones(1000))), schema)
    assert scaling.factor[0] == 0
    assert scaling.factor[1] == pytest.approx(1 / np.arange(1000).std())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scaling_names_the_column_that_is_no_number(bad: float) -> None:
    """NaN or infinity in a feature can't be scaled; the error names its column."""
    schema = Schema((Feature("a", 1), Feature("b", 2)), "y", "class", (0, 1))
    with pytest.raises(DataError, match="Column 'b' of the training data holds NaN or infinity"):
        standard(moments(rows_of([[1, 2, 3], [1, 2, bad]], [1, 1])), schema)


def test_scaling_needs_weight() -> None:
    """Rows that all weigh nothing have no mean."""
    with pytest.raises(DataError, match="add up to 0"):
        standard(moments(rows_of([[1.0], [2.0]], [0, 0])), Schema((Feature("a", 1),), "y", "number"))


@pytest.mark.parametrize("offset", [0.0, 2e7, 1e9, -4e12])
def test_r2_of_large_labels(offset: float) -> None:
    """R² of labels that are large beside their deviation is scikit-learn's, and not left out."""
    random = np.random.default_rng(5)
    step = np.spacing(np.float32(abs(offset) + 64))
    y = (offset + step * random.integers(0, 16, 300)).astype(np.float32)
    outputs = (y.astype(float) + step * random.normal(size=300)).astype(np.float32)
    ones = np.ones(300, np.float32)
    schema = Schema((Feature("x", 1),), "y", "number", (), centre=float(np.sort(y[:20])[10]))
    metrics = evaluate(outputs, ones, y, ones, schema, [7, 100])
    expected = right.r2_score(y.astype(float) - offset, outputs.astype(float) - offset)
    assert metrics["r2"] == pytest.approx(expected, rel=1e-9)
