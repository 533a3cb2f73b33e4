"""Class weights and stratified splits: training rows by their class."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.utils.class_weight import compute_class_weight

from tests.preparing import passes, plan, read
from yarnml.errors import JobFileError
from yarnml.job.load import load_job


@pytest.mark.parametrize("classes", [None, [2, 0, 1]])
def test_balanced_class_weights(tmp_path: Path, classes: list[int] | None) -> None:
    """Balanced weights are those of scikit-learn, by counts of training rows, and multiply the weight column."""
    x, y = load_wine(return_X_y=True)
    given = {"classes": classes} if classes else {}
    columns = {"x": x[:, 0], "w": np.linspace(1, 2, len(y)), "y": y}
    data = plan(tmp_path, columns, [], class_weights="balanced", weight="w", features=["x"], **given)
    schema = passes(data)
    expected = compute_class_weight("balanced", classes=np.array(classes or [0, 1, 2]), y=y)
    np.testing.assert_allclose(schema.class_weights, expected, rtol=1e-12)
    rows = read(data, schema)
    np.testing.assert_allclose(rows.weight, columns["w"] * expected[rows.y], rtol=1e-6)


@pytest.mark.parametrize(
    ("labels", "weights", "expected"),
    [
        (["no", "yes"], {"yes": 5}, (1.0, 5.0)),
        ([0, 1], {0: 2, 1: 0.5}, (2.0, 0.5)),
        ([False, True], {True: 3}, (1.0, 3.0)),
    ],
    ids=["text", "whole", "boolean"],
)
def test_class_weights(
    tmp_path: Path, labels: list[Any], weights: dict[Any, float], expected: tuple[float, ...]
) -> None:
    """A weight is given by its class, of any type; a class without one has 1."""
    data = plan(tmp_path, {"x": [1.0, 2.0], "y": labels}, [], class_weights=weights)
    assert passes(data).class_weights == expected
    section = {"train": "rows.csv", "features": ["x"], "label": "y", "class_weights": weights}
    job = load_job({"name": "job", "data": section, "learner": {"kind": "mlp"}})
    assert load_job(msgspec.to_builtins(job)) == job


def test_a_stratified_split_keeps_the_shares(tmp_path: Path) -> None:
    """In every row group each class gives its share of the held out rows, to a row; the parts share none."""
    y = load_breast_cancer().target
    columns = {"x": np.arange(len(y)), "y": y}
    data = plan(tmp_path, columns, [], validation=0.2, stratify=True)
    schema = passes(data)
    held, kept = (read(data, schema, part) for part in ("validation", "train"))
    assert sorted([*held.x[:, 0], *kept.x[:, 0]]) == list(range(len(y)))
    for low in range(0, len(y), 50):
        group = y[low : low + 50]
        held_labels = held.y[(held.x[:, 0] >= low) & (held.x[:, 0] < low + 50)]
        for label in (0, 1):
            assert abs((held_labels == label).sum() - len(held_labels) * (group == label).mean()) < 1
    other = plan(tmp_path, columns, [], validation=0.2)
    assert data.datasets["train"].fingerprint != other.datasets["train"].fingerprint


def test_rare_classes_are_held_out_too(tmp_path: Path) -> None:
    """A class with one row in a group is held out as often as the fraction says, not never."""
    y = ["rare" if row % 50 == 7 else "common" for row in range(5000)]
    data = plan(tmp_path, {"x": np.arange(5000), "y": y}, [], validation=0.2, stratify=True)
    rows = read(data, passes(data), "validation")
    assert len(rows.y) == 1000
    assert 10 <= (rows.y == 1).sum() <= 30


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"stratify": True}, r"data\.stratify needs data\.validation, a fraction"),
        ({"stratify": True, "validation": 0.5, "label_type": "number"}, r"data\.stratify is for class labels, but"),
        ({"class_weights": "balanced", "label_type": "number"}, r"data\.class_weights is for class labels, but"),
        ({"class_weights": {"d": 2}}, r"data\.class_weights: 'd' is none of the classes \(0, 1\)"),
        ({"class_weights": {0: -1}}, r"Every value of data\.class_weights must be a number >= 0"),
        ({"class_weights": "even"}, r"data\.class_weights must be 'balanced'"),
    ],
)
def test_refused_weights(tmp_path: Path, data: dict[str, Any], words: str) -> None:
    """Weights and stratified splits need classes, known ones, and a split."""
    with pytest.raises(JobFileError, match=words):
        passes(plan(tmp_path, {"x": [1.0, 2.0], "y": [0, 1]}, [], **data))
