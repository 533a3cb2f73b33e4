"""Metrics of several labels are scikit-learn's on the whole data, however the rows are cut."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from sklearn import metrics as right

from tests.worker.test_metrics import NUMBER, TWO, evaluate, evaluations
from yarnml.errors import JobFileError
from yarnml.job.metrics import METRICS, all_metrics, check_metric, example, rises

EXAMPLES = 25

LABELS = ("a", "b", "c")
NUMBERS = replace(NUMBER, label=LABELS, centre=(0.5, 1.0, 0.0))
CLASSES = replace(TWO, label=LABELS)
AVERAGES = [f"{average}_{kind}" for average in ("micro", "macro", "weighted") for kind in ("precision", "recall", "f2")]


@given(evaluations(0))
@settings(max_examples=EXAMPLES)
def test_numbers(case: tuple[Any, ...]) -> None:
    """Errors of several numbers are scikit-learn's, as means and of each label."""
    outputs, loss, y, weight, cuts = case
    outputs, y = (np.stack([a, a * a, np.roll(a, 1)], axis=1) for a in (outputs, y))
    metrics = evaluate(outputs, loss, y, weight, NUMBERS, cuts, all_metrics("multioutput", 0))
    some = {"sample_weight": weight, "multioutput": "raw_values"}
    expected = {
        "r2": right.r2_score(y, outputs, **some),
        "rmse": right.root_mean_squared_error(y, outputs, **some),
        "mae": right.mean_absolute_error(y, outputs, **some),
    }
    for name, values in expected.items():
        assert metrics[name] == pytest.approx(values.mean(), rel=1e-3)
        assert [metrics[f"{name}[{label}]"] for label in LABELS] == pytest.approx(values, rel=1e-3)


def test_a_constant_label_has_no_share_explained() -> None:
    """R² is the mean of the labels that vary."""
    y = np.array([[1, 5], [2, 5], [4, 5]], np.float32)
    ones = np.ones(3, np.float32)
    schema = replace(NUMBER, label=("a", "b"), centre=(0.0, 5.0))
    metrics = evaluate(y[::-1].copy(), ones, y, ones, schema, [1], ["per_label"])
    assert metrics["r2"] == metrics["r2[a]"] == pytest.approx(right.r2_score(y[:, 0], y[::-1, 0]))
    assert "r2[b]" not in metrics


@given(evaluations(2))
@settings(max_examples=EXAMPLES)
def test_classes(case: tuple[Any, ...]) -> None:
    """Subset accuracy, Hamming loss and all averages are scikit-learn's, also where no row has a label."""
    outputs, loss, y, weight, cuts = case
    y = np.stack([y, y[::-1], 0 * y], axis=1).astype(np.int32)
    shares = np.stack([outputs[:, 0], outputs[:, 1], outputs[:, 0] - outputs[:, 1]], axis=1)
    metrics = evaluate(shares, loss, y, weight, CLASSES, cuts, [*AVERAGES, "per_label"])
    rows = (y, (shares >= 0.5).astype(np.int32))
    some: dict[str, Any] = {"sample_weight": weight}
    assert metrics["subset_accuracy"] == pytest.approx(right.accuracy_score(*rows, **some), rel=1e-6)
    assert metrics["hamming_loss"] == pytest.approx(right.hamming_loss(*rows, **some), rel=1e-6)
    some["zero_division"] = 0
    for average in ("micro", "macro", "weighted"):
        scores = right.precision_recall_fscore_support(*rows, average=average, beta=2, **some)[:3]
        for kind, score in zip(("precision", "recall", "f2"), scores, strict=True):
            assert metrics[f"{average}_{kind}"] == pytest.approx(score, rel=1e-6)
    by_label = right.precision_recall_fscore_support(*rows, **some)
    for kind, scores in zip(("precision", "recall", "f1", "weight"), by_label, strict=True):
        assert [metrics[f"{kind}[{label}]"] for label in LABELS] == pytest.approx(scores, rel=1e-6)


def test_a_job_can_be_judged_by_each() -> None:
    """Every metric of several labels is better for right rows than for wrong ones, in the direction that it says."""
    y = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1]])
    ones = np.ones(4, np.float32)
    for metric in METRICS:
        if metric.label not in ("multioutput", "multilabel") or not metric.single or metric.pattern == "loss":
            continue
        schema = NUMBERS if metric.label == "multioutput" else CLASSES
        name = example(metric).replace("micro or macro or weighted", "micro").replace("precision or recall or f1", "f1")
        check_metric("evaluation.metrics", name, schema.task, 0)
        label = y.astype(np.float32 if schema is NUMBERS else np.int32)
        good, bad = (evaluate(o.astype(np.float32), ones, label, ones, schema, [2], [name])[name] for o in (y, 1 - y))
        assert (good > bad) == rises(name)
    with pytest.raises(JobFileError, match=r"can be judged by loss, subset_accuracy, hamming_loss, .* not by accuracy"):
        check_metric("search.metric", "accuracy", "multilabel", 2)
