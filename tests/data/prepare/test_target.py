"""Target encoding: scikit-learn's numbers on real data, and for training rows those of other folds."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.preprocessing import TargetEncoder

from tests.preparing import passes, plan, prepared, read, step
from yarnml.data.base import Fold
from yarnml.data.plan import Plan
from yarnml.data.prepare.hashing import mixed
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.job.prepare import Target

TOLERANCE = 1e-6  # features are float32
FOLDS = 4


def table(name: str) -> dict[str, Any]:
    """A real table with columns of few and of many whole numbers, and the label ``y``."""
    x, y = load_wine(return_X_y=True) if name != "numbers" else load_diabetes(return_X_y=True, scaled=False)
    rare, common = (10, 4) if name != "numbers" else (0, 1)
    labels = {"classes": y.astype(int), "two": np.where(y == 1, "yes", "no"), "numbers": y}[name]
    return {"a": x[:, rare].round().astype(int), "b": (x[:, common] // 8).astype(int).astype(str), "y": labels}


def folds_of(rows: int) -> Any:
    """The fold of each row, by the number that it has."""
    return mixed(np.arange(rows, dtype=np.uint64)) % np.uint64(FOLDS)


@pytest.mark.parametrize("smooth", ["auto", 10.0, 0.0])
@pytest.mark.parametrize("name", ["numbers", "classes", "two"])
def test_means_are_those_of_scikit_learn(tmp_path: Path, name: str, smooth: Any) -> None:
    """Training rows get the means of other folds, other rows those of all, and unknown values the mean of all rows."""
    columns = table(name)
    x = np.array([columns["a"], columns["b"]], object).T
    asked = {"a": [-1, *columns["a"]], "b": ["new", *columns["b"]], "y": [columns["y"][0], *columns["y"]]}
    data = plan(tmp_path, columns, [step("target", "a", "b", folds=FOLDS, smooth=smooth)], asked)
    schema = passes(data)
    kind = {"numbers": "continuous", "two": "binary", "classes": "multiclass"}[name]
    encoder = TargetEncoder(smooth=smooth, target_type=kind)
    whole = encoder.fit(x, columns["y"]).transform(np.array([asked["a"], asked["b"]], object).T)
    np.testing.assert_allclose(read(data, schema, "test").x, whole, rtol=TOLERANCE)
    expected = np.empty_like(whole[1:])
    fold = folds_of(len(x))
    for k in range(FOLDS):
        encoder.fit(x[fold != k], columns["y"][fold != k])
        expected[fold == k] = encoder.transform(x[fold == k])
    np.testing.assert_allclose(read(data, schema, "train").x, expected, rtol=TOLERANCE)
    if name == "classes":
        assert schema.names[:4] == ["a by 0", "a by 1", "a by 2", "b by 0"]


def test_means_of_logarithms(tmp_path: Path) -> None:
    """The step sees the label's logarithm where the learner does; a label that has none is refused."""
    columns = table("numbers")
    steps = [step("target", "a", folds=FOLDS), step("target", "b", folds=FOLDS)]
    means = [
        passes(plan(tmp_path, columns | {"y": y}, steps, label_scale=scale))
        for y, scale in ((columns["y"], "log"), (np.log(columns["y"]), "none"))
    ]
    edges = [[s.edges for f in schema.features for s in f.steps if isinstance(s, Target)] for schema in means]
    np.testing.assert_allclose(edges[0][0] + edges[0][1], edges[1][0] + edges[1][1], rtol=TOLERANCE)
    with pytest.raises(DataError, match=r"Label 'y' holds -\d+.*data.label_scale log needs numbers above 0"):
        passes(plan(tmp_path, columns | {"y": columns["y"] - 100.0}, steps, label_scale="log"))


def test_means_hang_on_no_shard_and_no_order(tmp_path: Path) -> None:
    """Means are the same to the bit with any number of shards, whose findings are merged in any order."""
    columns = table("numbers") | {"y": load_diabetes().target * 1e9 + 0.1}
    data = plan(tmp_path, columns, [step("target", "a", "b")])
    assert passes(data, 1) == passes(data, 3) == passes(data, 7)


def test_a_row_does_not_see_its_label(tmp_path: Path) -> None:
    """A value that comes once is unknown to the rows that train, so that its own label can't leak."""
    columns = {"a": [f"row {n}" for n in range(60)], "y": np.arange(60.0)}
    x = prepared(plan(tmp_path, columns, [step("target", "a", folds=FOLDS, smooth=0.0)]))[:, 0]
    fold = folds_of(60)
    np.testing.assert_allclose(x, [columns["y"][fold != k].mean() for k in fold], rtol=TOLERANCE)


def test_folds_of_a_search(tmp_path: Path) -> None:
    """In a cross-validation, rows that are left out are encoded by those that train, and teach nothing."""
    columns = table("two")
    data = plan(tmp_path, columns, [step("target", "a", folds=FOLDS)], classes=["no", "yes"], features=["a"])
    parts = {name: Fold(1, 3, 0, held_out=name == "test") for name in ("train", "test")}
    rows = data.datasets["train"]
    folded = Plan({name: _with(rows, fold) for name, fold in parts.items()}, data.stored, data.schema)
    schema = passes(folded)
    step_of_a = schema.features[0].steps[0]
    assert isinstance(step_of_a, Target)
    assert step_of_a.edges
    assert step_of_a.edges[-1] == pytest.approx(read(folded, schema, "train").y.mean())
    held = read(folded, schema, "test").x[:, 0]
    assert 50 < len(held) < 70
    assert set(held.tolist()) <= set(np.array(step_of_a.edges, np.float32).tolist())


def _with(rows: Any, fold: Fold) -> Any:
    return type(rows)(rows.format, rows.files, fold=fold)


def test_nulls_and_many_values(tmp_path: Path) -> None:
    """Too many values end the job, nulls are refused, and a tree gets NaN for them."""
    columns = {"a": pa.array(["u", None, *["v", "w"] * 30]), "y": np.arange(62.0)}
    with pytest.raises(DataError, match="column 'a' has 1 nulls"):
        prepared(plan(tmp_path, columns, [step("target", "a")]))
    assert np.isnan(prepared(plan(tmp_path, columns, [step("target", "a")], kind="tree"))[1, 0])
    with pytest.raises(DataError, match="'a' has more than 2 different values in the training data; raise max_values"):
        passes(plan(tmp_path, columns, [step("target", "a", max_values=2)], kind="tree"))


@pytest.mark.parametrize(
    ("fields", "data", "words"),
    [
        (
            {"values": ["a"]},
            {"label": "y"},
            r"\[0\]\.values, edges, fold_edges and classes of target are what",
        ),
        ({}, {}, r"\[0\]: target learns from the label, and there is no data\.label"),
        ({"folds": 1}, {"label": "y"}, r"\[0\]\.folds must be a whole number >= 2, not int 1"),
    ],
)
def test_refused(fields: dict[str, Any], data: dict[str, Any], words: str) -> None:
    """Fields that training rows teach are none of a job file, and without a label there is nothing to learn."""
    section = {"train": "a.csv", "features": ["x"], "prepare": [step("target", "x", **fields)], **data}
    learner = {"kind": "mlp"} if data else {"kind": "kmeans", "clusters": 2}
    with pytest.raises(JobFileError, match=r"data\.prepare" + words):
        load_job({"name": "job", "data": section, "learner": learner})
