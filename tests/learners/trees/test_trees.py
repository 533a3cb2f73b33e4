"""Trees: their splits and how well they predict are scikit-learn's, on real data; what is missing; what is exported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import yarnml
from tests.learners.kinds import schema
from tests.learners.trees.growing import Array, grown, halves, predicted
from tests.tiers import cases
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError, ExportError
from yarnml.job.learners import Boosting, Forest, Tree
from yarnml.learners.base import Batch
from yarnml.learners.registry import build_learner
from yarnml.model.importances import importances
from yarnml.model.model import Model

Train = Callable[..., Model]


@pytest.fixture
def train(tmp_path: Path, write_table: Callable[..., Path]) -> Train:
    """Trains a learner inline on rows in three shards, and tests it on others; returns the exported model."""

    def run(x: Array, y: Array, learner: dict[str, Any], test: tuple[Array, Array], **more: Any) -> Model:
        parts = {"train": (x, y), "test": test}
        paths = {n: str(write_table(f"{n}.parquet", x=list(a.astype(np.float32)), y=b)) for n, (a, b) in parts.items()}
        job = {
            "name": "trees",
            "data": {**paths, "features": ["x"], "label": "y"},
            "learner": learner,
            "training": {"shards": 3},
            "checkpoint": {"path": str(tmp_path / "job"), "every": "100 epochs"},
            "export": str(tmp_path / "models"),
        }
        return yarnml.load_model(str(yarnml.run({**job, **more}, backend="inline", restart=True).export))

    return run


@pytest.mark.long
def test_a_tree_for_numbers_is_scikit_learn_s() -> None:
    """With a bin for every value, a tree of five levels is scikit-learn's, split for split."""
    x, y, other, _ = halves("diabetes")
    x = x[:240]
    y = y[:240]
    model = grown(Tree(depth=5, min_rows=5), schema(10, ()), x, y.astype(np.float32))
    right = DecisionTreeRegressor(max_depth=5, min_samples_leaf=5, random_state=0).fit(x, y)
    np.testing.assert_allclose(predicted(*model, x), right.predict(x), rtol=1e-4)
    assert np.mean(np.isclose(predicted(*model, other), right.predict(other), rtol=1e-4)) > 0.95


@pytest.mark.long
def test_a_tree_for_classes_is_scikit_learn_s() -> None:
    """The Gini impurity of the leaves, which is the training loss, is scikit-learn's, and so are most predictions."""
    x, y, other, _ = halves("wine")
    model = grown(Tree(depth=2), schema(13, (0, 1, 2)), x, y.astype(np.int32))
    right = DecisionTreeClassifier(max_depth=2, random_state=0).fit(x, y)
    ours, expected = (np.square(p - np.eye(3)[y]).sum() for p in (predicted(*model, x), right.predict_proba(x)))
    assert ours == pytest.approx(expected, rel=1e-4)
    assert np.mean(predicted(*model, other).argmax(axis=1) == right.predict(other)) > 0.9


@pytest.mark.breadth
@pytest.mark.long
def test_boosting_classes_is_as_accurate_as_scikit_learn_s(train: Train) -> None:
    """Accuracy on held-out rows is at most 3 % below scikit-learn's of as many trees, and metrics are the model's."""
    x, y, other, truth = halves("wine")
    model = train(x, y, {"kind": "boosting", "trees": 30, "depth": 2, "min_hessian": 0.01}, (other, truth))
    right = HistGradientBoostingClassifier(max_iter=30, max_depth=2, l2_regularization=1, min_samples_leaf=1)
    assert np.mean(model.predict(other) == truth) >= right.fit(x, y).score(other, truth) - 0.03
    own = model.outputs(other)[np.arange(len(other)), truth]
    assert model.about["metrics"]["test"]["loss"] == pytest.approx(-np.log(own).mean(), rel=1e-3)


@pytest.mark.long
def test_boosting_a_number_is_scikit_learn_s() -> None:
    """The error of 40 trees is scikit-learn's to 3 %, and much larger than the difference between the two."""
    x, y, other, truth = halves("diabetes")
    model = grown(Boosting(trees=40, depth=2, min_hessian=20), schema(10, ()), x, y.astype(np.float32))
    right = HistGradientBoostingRegressor(max_iter=40, max_depth=2, max_leaf_nodes=None, l2_regularization=1)
    ours = predicted(*model, other)
    expected = right.fit(x, y).predict(other)
    error = np.sqrt(np.mean((expected - truth) ** 2))
    assert np.sqrt(np.mean((ours - truth) ** 2)) == pytest.approx(error, rel=0.03)
    assert np.sqrt(np.mean((ours - expected) ** 2)) < 0.3 * error


@pytest.mark.long
def test_missing_values_go_where_they_lower_the_loss(train: Train) -> None:
    """Values that are missing more often in one class tell it, on either side; the exported program knows them too."""
    x, y, other, truth = halves("breast_cancer")
    random = np.random.default_rng(0)
    for rows, labels in ((x, y), (other, truth)):
        rows[:, 0] = np.where(random.random(len(rows)) < np.where(labels == 1, 0.9, 0.1), np.nan, 5)
        rows[:, 1:] = random.normal(size=rows[:, 1:].shape)
    model = train(x, y, {"kind": "boosting", "trees": 3, "depth": 1, "learning_rate": 1.0}, (other, truth))
    expected = np.isnan(other[:, 0]).astype(int)
    np.testing.assert_array_equal(model.predict(other), expected)
    assert model.about["metrics"]["test"]["accuracy"] == pytest.approx(np.mean(expected == truth))
    table = model.importances()
    assert table["feature"][0].as_py() == "x[0]"
    assert sum(table["gain"].to_pylist()) == pytest.approx(1)


@pytest.mark.long
def test_what_was_never_missing_goes_with_most_rows() -> None:
    """A missing value of a feature that always was there takes the larger side."""
    x = np.arange(10, dtype=np.float32)[:, None]
    learner, state = grown(Boosting(trees=1, depth=1, l2=0), schema(1, ()), x, (x[:, 0] > 6).astype(np.float32))
    gone = np.array([[np.nan]], np.float32)
    assert predicted(learner, state, gone)[0] == predicted(learner, state, x)[0]


@pytest.mark.long
def test_a_split_takes_some_categories_from_the_others(train: Train, tmp_path: Path, write_table: Any) -> None:
    """One level tells two categories from those around them, where no single split by size could."""
    code = np.arange(600, dtype=np.float32) % 7
    y = np.isin(code, [2, 5]).astype(np.float64)
    path = str(write_table("codes.parquet", kind=code, noise=np.sin(np.arange(600.0)), y=y))
    data = {"train": path, "test": path, "features": ["kind", "noise"], "label": "y"}
    model = train(
        np.zeros((3, 2)),
        np.arange(3),
        {"kind": "tree", "depth": 1, "categorical": ["kind"]},
        (np.zeros((3, 2)), np.arange(3)),
        data=data,
    )
    assert model.about["metrics"]["test"]["rmse"] == pytest.approx(0, abs=1e-6)
    assert model.importances().to_pydict()["splits"] == [1, 0]
    unknown = model.predict({"kind": [99.0, np.nan], "noise": [0.0, 0.0]})
    np.testing.assert_allclose(unknown, 0, atol=1e-6)


MONOTONE = {"boosting": Boosting(trees=20, depth=4, learning_rate=0.3), "forest": Forest(trees=5, min_rows=3)}


@pytest.mark.long
@pytest.mark.parametrize("kind", cases(MONOTONE, {"boosting"}))
def test_predictions_follow_the_trends_that_are_asked_for(kind: str) -> None:
    """Whatever the other columns hold, predictions never fall with one column and never rise with another."""
    options = MONOTONE[kind]
    x, y, other, truth = halves("diabetes")
    bmi = 2  # the disease gets worse with it
    hdl = 6  # and not with this one
    columns = Schema(tuple(Feature(f"x{j}", 1) for j in range(10)), "y", "number", ())
    asked = replace(options, monotone={f"x{bmi}": "increasing", f"x{hdl}": "decreasing"})
    model = grown(asked, columns, x, y.astype(np.float32))
    steps = np.linspace(x.min(axis=0), x.max(axis=0), 30)
    for column, sign in ((bmi, 1), (hdl, -1)):
        swept = np.repeat(other[:, None], len(steps), axis=1)
        swept[:, :, column] = steps[:, column]
        rises = sign * np.diff(predicted(*model, swept.reshape(-1, 10)).reshape(len(other), -1))
        assert rises.min() >= 0
    assert np.mean((predicted(*model, other) - truth) ** 2) < 0.8 * truth.var()


@pytest.mark.long
def test_stopped_early_it_is_the_best_trees(train: Train) -> None:
    """An epoch is a round of trees, so early stopping exports the rounds up to the best one."""
    x, y, other, truth = halves("diabetes")
    model = train(
        x,
        y,
        {"kind": "boosting", "trees": 200, "depth": 3, "learning_rate": 0.5},
        (other, truth),
        training={"shards": 3, "early_stopping": {"metric": "rmse", "patience": 5}},
    )
    rounds = int(np.asarray(model._arrays["parameters/rounds"]))
    assert 1 < rounds < 50
    assert model.about["steps"] == 3 * (2 + rounds)
    error = np.sqrt(np.mean((model.predict(other) - truth) ** 2))
    assert model.about["metrics"]["test"]["rmse"] == pytest.approx(error, rel=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("options", [Boosting(trees=2, depth=3), Tree(depth="none")], ids=["levels", "nodes"])
def test_levels_are_sums_over_rows(options: Any) -> None:
    """Two passes after its first round or its roots, the sums over a shard are those over its two halves."""
    x, y, _, _ = halves("breast_cancer")
    before = 6 + 3 + 2 if options.depth == 3 else 5 + 2
    learner, state = grown(options, schema(30, (0, 1)), x, y.astype(np.int32), before)
    parts = [np.s_[:], np.s_[:100], np.s_[100:]]
    sums = []
    for part in parts:
        rows = Batch(x[part], y[part].astype(np.int32), np.ones(len(x[part]), np.float32))
        shard = learner.prepare_shard(state, [rows])
        sums.append(learner.map_shard(state, shard)[0].histograms)
    whole, first, second = sums
    assert np.abs(whole[0, 1]).max() > 0.1
    np.testing.assert_allclose(whole, first + second, atol=1e-5)


@pytest.mark.long
def test_a_tree_of_any_depth_costs_what_its_nodes_cost() -> None:
    """Grown until no split is left, a tree tells all rows apart, with no more places for nodes than rows make."""
    x, y, other, truth = halves("diabetes")
    learner, state = grown(Tree(depth="none"), schema(10, ()), x, y.astype(np.float32))
    np.testing.assert_allclose(predicted(learner, state, x), y, rtol=1e-5)
    model = state.model
    leaves = (np.asarray(model.feature) >= 0).sum() + 1  # of a node that is split two come about
    assert model.feature.shape[-1] == 2 * len(x) - 1
    assert leaves <= len(x)
    assert np.asarray(state.growth.level).max() < 30
    error = np.mean((predicted(learner, state, other) - truth) ** 2)
    right = DecisionTreeRegressor(random_state=0).fit(x, y)
    assert error < 1.15 * np.mean((right.predict(other) - truth) ** 2)


@pytest.mark.long
@pytest.mark.parametrize("depth", [pytest.param(10, marks=pytest.mark.breadth), "none"])
def test_leaves_are_those_of_the_best_splits(depth: Any) -> None:
    """With a number of leaves a tree is scikit-learn's, which splits the best node first, one after another."""
    x, y, other, _ = halves("diabetes")
    x = x[:240]
    y = y[:240]
    model = grown(Tree(depth=depth, leaves=8, min_rows=10), schema(10, ()), x, y.astype(np.float32))
    right = DecisionTreeRegressor(max_leaf_nodes=8, min_samples_leaf=10, random_state=0).fit(x, y)
    np.testing.assert_allclose(predicted(*model, x), right.predict(x), rtol=1e-4)
    assert np.mean(np.isclose(predicted(*model, other), right.predict(other), rtol=1e-4)) > 0.9


def test_only_trees_have_importances() -> None:
    """A model that is none of trees says so."""
    with pytest.raises(ExportError, match="Only a model of trees"):
        importances({"parameters/weight": np.zeros(3)}, schema(3, ()))


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.inf, "holds infinity"), (2.5, "holds 2.5, but"), (20000, "from 0 to 16383"), (-1, "holds -1")],
)
def test_rows_that_trees_can_t_take(value: float, words: str) -> None:
    """Infinity and what is no category are refused in one sentence."""
    columns = Schema(schema(1, ()).features, "y", "number", ())
    learner = build_learner(Boosting(bins=8, categorical=["x"]), columns)
    one = np.ones(2, np.float32)
    learner.check(Batch(np.array([[6], [np.nan]], np.float32), one, one))
    with pytest.raises(DataError, match=words):
        learner.check(Batch(np.array([[1], [value]], np.float32), one, one))
