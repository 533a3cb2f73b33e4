"""The scale of a number label, from sums over rows and back."""

from typing import Any

import numpy as np
import pytest

from yarnml.data.label_scaling import fitted, in_label_units, label_moments, scaled_label
from yarnml.data.label_summary import classes_text, classes_warning, range_text
from yarnml.data.schema import Feature, Rows, Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.labels import label_scale, label_type
from yarnml.job.load import load_job

Y = np.exp(np.random.default_rng(0).normal(8.0, 0.7, 500)).astype(np.float32)
WEIGHT = np.random.default_rng(1).integers(0, 4, 500).astype(np.float32)


def schema(kind: Any, centre: float = 0.0) -> Schema:
    return Schema((Feature("x", 1),), "price", "number", (), centre=centre, label_scale=kind)


def rows(y: Any, weight: Any) -> Rows:
    return Rows(np.zeros((len(y), 1), np.float32), y, weight)


@pytest.mark.parametrize("kind", ["standard", "log"])
def test_labels_have_mean_0_and_variance_1(kind: Any) -> None:
    """Sums over parts of the rows add up to the moments of all by their weights, and predictions come back."""
    columns = schema(kind, 3000.0)
    parts = [label_moments(rows(Y[part], WEIGHT[part]), columns) for part in (slice(0, 99), slice(99, None))]
    scaling = fitted(parts[0] + parts[1], columns)
    scaled = scaled_label(Y, scaling, kind)
    assert np.average(scaled, weights=WEIGHT) == pytest.approx(0, abs=1e-5)
    assert np.average(scaled**2, weights=WEIGHT) == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(in_label_units(scaled, scaling, kind), Y, rtol=1e-5)


def test_a_constant_label_keeps_its_unit() -> None:
    """A label of one value becomes 0, and comes back."""
    y = np.full(8, 7e6, np.float32)
    columns = schema("standard", 7e6)
    scaling = fitted(label_moments(rows(y, np.ones(8, np.float32)), columns), columns)
    assert scaling.factor == 1
    assert in_label_units(scaled_label(y, scaling, "standard"), scaling, "standard") == pytest.approx(y)


def test_a_label_without_a_logarithm_is_refused() -> None:
    """A label of 0 is told by its name, unless its row has no weight."""
    y = np.array([0.0, 1.0], np.float32)
    label_moments(rows(y, np.array([0.0, 1.0], np.float32)), schema("log"))
    with pytest.raises(DataError, match=r"Label 'price' holds 0, but data\.label_scale log needs numbers above 0"):
        label_moments(rows(y, np.ones(2, np.float32)), schema("log"))


@pytest.mark.parametrize(
    ("learner", "scale", "kind"),
    [
        ({"kind": "mlp"}, "standard", "auto"),
        ({"kind": "linear"}, "none", "number"),
        ({"kind": "linear", "clip_norm": 1.0}, "standard", "number"),
        ({"kind": "huber"}, "standard", "number"),
        ({"kind": "poisson"}, "none", "number"),
        ({"kind": "boosting"}, "none", "auto"),
        ({"kind": "als", "users": 2, "items": 2}, "none", "number"),
        ({"kind": "factorization", "users": 2, "items": 2}, "standard", "number"),
        ({"kind": "factorization", "users": 2, "items": 2, "feedback": "implicit"}, "none", "number"),
        ({"kind": "factorization_machine"}, "standard", "auto"),
        ({"path": "model.py"}, "none", "auto"),
    ],
)
def test_the_learner_decides_where_the_job_leaves_it_open(learner: dict[str, Any], scale: str, kind: str) -> None:
    """Gradient descent has the label scaled; what predicts only numbers takes whole numbers as such."""
    data = {"train": "data.csv", "features": ["x"], "label": "price"}
    job = load_job({"name": "job", "data": data, "learner": learner})
    assert (label_scale(job, True), label_scale(job, False), label_type(job)) == (scale, "none", kind)


@pytest.mark.parametrize("learner", [{"kind": "poisson"}, {"kind": "als", "users": 2, "items": 2}])
def test_a_learner_that_needs_the_label_as_it_is_refuses_a_scale(learner: dict[str, Any]) -> None:
    """Counts and amounts are no counts once they are scaled."""
    data = {"train": "data.csv", "features": ["x"], "label": "price", "label_scale": "log"}
    with pytest.raises(JobFileError, match=r"needs the label as it is; remove data\.label_scale log"):
        load_job({"name": "job", "data": data, "learner": learner})


def test_a_label_in_a_sentence() -> None:
    """Classes are counted, numbers have a range, and many classes of whole numbers are remarked upon."""
    assert range_text({"price": np.array([10.0, 20.0])}) == "label 'price': numbers, 10 to 20 in the first rows"
    prices = Schema((Feature("x", 1),), "price", "class", tuple(range(268)))
    assert classes_text(prices) == "label 'price': 268 classes, 0, 1, 2, 3, 4 and 263 more"
    assert "data.label_type: number" in classes_warning(prices)[0]
    assert not classes_warning(Schema((Feature("x", 1),), "name", "class", tuple(map(str, range(268)))))
