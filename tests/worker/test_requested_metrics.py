"""Metrics that a job asks for are scikit-learn's on the whole data, however the rows are cut."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn import metrics as right

from tests.worker.test_metrics import FOUR, NUMBER, TWO, evaluate, evaluations
from yarnml.errors import JobFileError
from yarnml.job.metrics import METRICS, Metric, check_metric, example, requested, rises
from yarnml.worker.metrics.numbers import MANTISSA_BITS

EXAMPLES = 40

NUMBERS = ["mae", "mape", "median_absolute_error", "quantile_loss_0.9", "quantile_loss_.25"]
CLASSES = ["balanced_accuracy", "log_loss", "brier", "calibration_error", "top_1_accuracy", "top_3_accuracy"]
AVERAGES = [f"{average}_{kind}" for average in ("macro", "weighted") for kind in ("precision", "recall", "f1", "f0.5")]
BINARY = ["precision", "recall", "f1", "f2", "pr_auc", "ks", "lift_10", "lift_50"]


def probabilities(outputs: Any) -> Any:
    """Rows that add up to 1, in float32 as a model gives them."""
    powers = np.exp(np.clip(outputs.astype(np.float64), -15, 15))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@given(evaluations(0))
@settings(max_examples=EXAMPLES)
def test_errors_of_numbers(case: tuple[Any, ...]) -> None:
    """Absolute, relative, median and quantile errors equal scikit-learn's, the median within its stated error."""
    outputs, loss, y, weight, cuts = case
    metrics = evaluate(outputs, loss, y, weight, NUMBER, cuts, NUMBERS)
    some = {"sample_weight": weight}
    assert metrics["mae"] == pytest.approx(right.mean_absolute_error(y, outputs, **some), rel=1e-5)
    assert metrics["mape"] == pytest.approx(right.mean_absolute_percentage_error(y, outputs, **some), rel=1e-4)
    for name, share in (("quantile_loss_0.9", 0.9), ("quantile_loss_.25", 0.25)):
        expected = right.mean_pinball_loss(y, outputs, alpha=share, **some)
        assert metrics[name] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    errors = np.repeat(np.abs(outputs.astype(np.float64) - y), np.round(weight * 1000).astype(int))
    lower = np.quantile(errors, 0.49, method="lower")
    upper = np.quantile(errors, 0.51, method="higher")
    slack = metrics["median_absolute_error_error"] + 1e-6
    assert lower - slack <= metrics["median_absolute_error"] <= upper + slack
    assert slack <= metrics["median_absolute_error"] * 2.0**-MANTISSA_BITS + 2e-6


@given(evaluations(0))
@settings(max_examples=EXAMPLES)
def test_deviances(case: tuple[Any, ...]) -> None:
    """Deviances equal scikit-learn's, and are left out where a prediction or a label does not allow them."""
    outputs, loss, y, weight, cuts = case
    names = ["poisson_deviance", "gamma_deviance"]
    mean = np.exp(np.clip(outputs, -5, 5))
    label = np.abs(y) + 0.1
    metrics = evaluate(mean, loss, label, weight, NUMBER, cuts, names)
    counted = weight > 0
    some = {"sample_weight": weight[counted]}
    expected = right.mean_poisson_deviance(label[counted], mean[counted], **some)
    assert metrics["poisson_deviance"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    expected = right.mean_gamma_deviance(label[counted], mean[counted], **some)
    assert metrics["gamma_deviance"] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    label[np.flatnonzero(counted)[0]] = 0
    assert {*names} & evaluate(mean, loss, label, weight, NUMBER, cuts, names).keys() == {"poisson_deviance"}
    assert not {*names} & evaluate(-mean, loss, label, weight, NUMBER, cuts, names).keys()


@given(evaluations(4))
@settings(max_examples=EXAMPLES)
def test_averages_over_classes(case: tuple[Any, ...]) -> None:
    """Precision, recall and F of several classes equal scikit-learn's, also where a class is missing."""
    outputs, loss, y, weight, cuts = case
    y = np.where(y == 3, 0, y)  # of which no row is; some are predicted
    metrics = evaluate(outputs, loss, y, weight, FOUR, cuts, [*AVERAGES, "balanced_accuracy", "per_class", "confusion"])
    counted = weight > 0
    rows = (y[counted], outputs.argmax(axis=1)[counted])
    some: dict[str, Any] = {"sample_weight": weight[counted], "zero_division": 0}
    for average in ("macro", "weighted"):
        for beta, name in ((1, "f1"), (0.5, "f0.5")):
            scores = right.precision_recall_fscore_support(*rows, average=average, beta=beta, **some)[:3]
            for kind, score in zip(("precision", "recall", name), scores, strict=True):
                assert metrics[f"{average}_{kind}"] == pytest.approx(score, rel=1e-6)
    matrix = right.confusion_matrix(*rows, labels=range(4), sample_weight=weight[counted])
    assert [[metrics[f"confusion[{a}, {p}]"] for p in range(4)] for a in range(4)] == pytest.approx(matrix, rel=1e-6)
    by_class = right.precision_recall_fscore_support(*rows, labels=range(4), **some)
    for kind, scores in zip(("precision", "recall", "f1", "weight"), by_class, strict=True):
        assert [metrics[f"{kind}[{c}]"] for c in range(4)] == pytest.approx(scores, rel=1e-6)
    recalls = np.diag(matrix)[:3] / matrix.sum(axis=1)[:3]
    assert metrics["balanced_accuracy"] == pytest.approx(recalls[matrix.sum(axis=1)[:3] > 0].mean())


@given(evaluations(4))
@settings(max_examples=EXAMPLES)
def test_probabilities(case: tuple[Any, ...]) -> None:
    """Log loss, Brier score and the first k classes equal scikit-learn's; the calibration error its definition."""
    outputs, loss, y, weight, cuts = case
    p = probabilities(outputs)
    metrics = evaluate(p, loss, y, weight, FOUR, cuts, [*CLASSES, "macro_roc_auc"])
    some: dict[str, Any] = {"sample_weight": weight, "labels": range(4)}
    assert metrics["log_loss"] == pytest.approx(right.log_loss(y, p, **some), rel=1e-4, abs=1e-6)
    squares = np.square(p - np.eye(4)[y]).sum(axis=1)
    assert metrics["brier"] == pytest.approx(np.average(squares, weights=weight), rel=1e-4, abs=1e-6)
    assert metrics["top_1_accuracy"] == pytest.approx(metrics["accuracy"])
    own = np.take_along_axis(p, y[:, None], 1)
    is_earlier = np.arange(4) < y[:, None]
    rank = ((p > own) | ((p == own) & is_earlier)).sum(axis=1)
    assert metrics["top_3_accuracy"] == pytest.approx(np.average(rank < 3, weights=weight))
    edges = np.linspace(0, 1, 16)
    confidence = p.max(axis=1).astype(np.float64)
    hits = p.argmax(axis=1) == y
    bins = [(confidence > low) & (confidence <= high) for low, high in pairwise(edges)]
    gaps = [abs((weight * (confidence - hits))[part].sum()) for part in bins]
    if not np.isclose(confidence[:, None], edges, atol=1e-6).any():
        assert metrics["calibration_error"] == pytest.approx(sum(gaps) / weight.sum(), rel=1e-4, abs=1e-6)
    area = right.roc_auc_score(y, p.astype(np.float64), multi_class="ovr", sample_weight=weight) if _sums(p) else None
    if area is not None:
        assert abs(metrics["macro_roc_auc"] - area) <= metrics["macro_roc_auc_error"] + 1e-6


def _sums(p: Any) -> bool:
    """Tell whether scikit-learn takes the rows for probabilities."""
    return bool(np.allclose(p.astype(np.float64).sum(axis=1), 1, rtol=1e-6))


@given(evaluations(2))
@settings(max_examples=EXAMPLES)
def test_two_classes(case: tuple[Any, ...]) -> None:
    """Metrics of the second of two classes equal scikit-learn's, within the errors that are told."""
    outputs, loss, y, weight, cuts = case
    second = probabilities(outputs)[:, 1]
    p = np.stack([1 - second, second], axis=1)
    metrics = evaluate(p, loss, y, weight, TWO, cuts, [*BINARY, "brier"])
    counted = weight > 0
    rows = (y[counted], p.argmax(axis=1)[counted])
    some = {"sample_weight": weight[counted]}
    for beta, name in ((1, "f1"), (2, "f2")):
        *scores, _ = right.precision_recall_fscore_support(*rows, average="binary", beta=beta, zero_division=0, **some)
        for kind, score in zip(("precision", "recall", name), scores, strict=True):
            assert metrics[kind] == pytest.approx(score, rel=1e-6)
    area = right.average_precision_score(y[counted], p[counted, 1], **some)
    assert abs(metrics["pr_auc"] - area) <= metrics["pr_auc_error"] + 1e-6
    wrong, hits, _ = right.roc_curve(y[counted], p[counted, 1], drop_intermediate=False, **some)
    assert abs(metrics["ks"] - (hits - wrong).max()) <= metrics["ks_error"] + 1e-6
    assert metrics["brier"] == pytest.approx(right.brier_score_loss(*(y[counted], p[counted, 1]), **some), abs=1e-5)
    base = np.average(y, weights=weight)
    assert 0 <= metrics["lift_10"] <= 1 / base + 1e-6
    assert metrics["lift_50"] <= 2 + 1e-6


def test_lift_is_that_of_the_best_rows() -> None:
    """Lift compares the best-scored rows with random ones: 8 of 20 positive rows among ten of 100 are a lift of 4."""
    p = np.linspace(0.99, 0.01, 100)
    y = np.zeros(100, np.int32)
    y[:8] = 1
    y[30:42] = 1
    ones = np.ones(100, np.float32)
    outputs = np.stack([1 - p, p], axis=1).astype(np.float32)
    assert evaluate(outputs, ones, y, ones, TWO, [50], ["lift_10"])["lift_10"] == pytest.approx(4.0)


def test_scores_that_are_no_probabilities_have_no_log_loss() -> None:
    """Log loss, Brier score and calibration are left out for outputs that don't add up to 1."""
    ones = np.ones(3, np.float32)
    y = np.array([0, 1, 1], np.int32)
    metrics = evaluate(np.array([[3, -1], [-2, 5], [0, 1]], np.float32), ones, y, ones, TWO, [], ["log_loss", "brier"])
    assert metrics.keys() == {"loss", "accuracy", "roc_auc", "roc_auc_error"}


@pytest.mark.parametrize(
    "metric",
    [m for m in METRICS if m.label in ("number", "two", "class") and not (m.groups or m.times)],
    ids=lambda metric: example(metric),
)
def test_every_metric_can_be_had(metric: Metric) -> None:
    """An evaluation has what the table of names says, for a label of its type, and judges by it the right way round."""
    schema = {"number": NUMBER, "two": TWO, "class": FOUR}[metric.label]
    name = example(metric)
    for several, one in {"macro or weighted": "macro", "precision or recall or f1": "recall", "top_5": "top_1"}.items():
        name = name.replace(several, one)
    classes = len(schema.classes or ())
    check_metric("evaluation.metrics", name, schema.label_type, classes, single=False)
    y = np.arange(8) % classes if classes else np.arange(1, 9)
    outputs = (0.1 + 0.5 * np.eye(classes)[y] if classes else y).astype(np.float32)
    if classes:
        outputs /= outputs.sum(axis=1, keepdims=True)
    ones = np.ones(8, np.float32)
    right_rows, wrong_rows = (
        evaluate(outputs, ones, label.astype(np.int32 if classes else np.float32), ones, schema, [], [name])
        for label in (y, np.roll(y, 1))
    )
    assert any(key == name or "[" in key for key in right_rows)
    if metric.single and name != "loss":
        assert (right_rows[name] > wrong_rows[name]) == rises(name)
        assert right_rows[name] != wrong_rows[name]


@pytest.mark.parametrize(
    ("name", "label", "classes", "sentence"),
    [
        (
            "f1",
            "class",
            3,
            "can be judged by loss, accuracy, balanced_accuracy, macro or weighted_precision.*not by f1",
        ),
        ("f1", "number", 0, "can be judged by loss, rmse, r2, mae"),
        ("mae", "none", 0, "can be judged by loss, silhouette, bic, aic, not by mae"),
        ("confusion", "class", 2, "not by confusion"),
        ("quantile_loss_1.5", "number", 0, "not by quantile_loss_1.5"),
        ("macro_roc_auc", "class", 101, "is for 100 classes at most, and there are 101"),
        ("lift_0", "class", 2, "not by lift_0"),
    ],
)
def test_what_can_not_judge(name: str, label: str, classes: int, sentence: str) -> None:
    """A metric that the label does not have is refused by the names that it has."""
    with pytest.raises(JobFileError, match=f"search.metric: .*{sentence}"):
        check_metric("search.metric", name, label, classes)


def test_names() -> None:
    """Metrics of every evaluation need not be asked for; a name is a metric for some label or none at all."""
    assert requested(["loss", "mae", "accuracy", "mae", "f2"]) == ("mae", "f2")
    for name in ("top_12_accuracy", "weighted_f0.5", "lift_99"):
        check_metric("search.metric", name, "class", 2)
    for name in ("top_0_accuracy", "micro_f1", "lift_100", "auc"):
        for label, classes in (("class", 2), ("class", 3), ("number", 0), ("none", 0)):
            with pytest.raises(JobFileError):
                check_metric("search.metric", name, label, classes)
    assert [rises(name) for name in ("r2", "f1", "mae", "brier", "pr_auc")] == [True, True, False, False, True]
