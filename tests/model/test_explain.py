"""SHAP values: those of the package shap on the same trees, and sums that are the outputs."""

from typing import Any

import numpy as np
import pytest
import shap
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import yarnml
from tests.model.models import with_gaps
from yarnml.model.explain import sampled
from yarnml.model.model import Model

pytestmark = pytest.mark.long

Array = Any

TOLERANCE = 1e-6
"""Of the largest value."""


def tree_of(arrays: dict[str, Array], round: int, tree: int) -> dict[str, Array]:
    """A tree as shap takes it."""
    feature, child, left = (arrays[name][round, tree] for name in ("feature", "child", "left"))
    count = int(child.max()) + 2
    low = np.where(feature >= 0, child, -1)[:count]
    high = np.where(low >= 0, low + 1, -1)
    return {
        "children_left": low,
        "children_right": high,
        "children_default": np.where(left[:count], low, high),
        "features": np.maximum(feature[:count], 0),
        "thresholds": arrays["threshold"][round, tree, :count].astype(float),
        "values": arrays["leaf"][round, tree, :count].astype(float) * float(arrays["share"]),
        "node_sample_weight": arrays["cover"][round, tree, :count].astype(float),
    }


def by_shap(model: Model, x: Array) -> tuple[Array, Array]:
    """[rows, features, scores] and [scores]: values and bases by shap, a sum over all trees."""
    arrays = {n.removeprefix("parameters/"): np.asarray(a) for n, a in model.arrays.items()}
    scores = len(arrays["base"])
    values = np.zeros((*x.shape, scores))
    base = arrays["base"].astype(float)
    for round in range(int(arrays["rounds"])):
        for tree in range(arrays["feature"].shape[1]):
            one = tree_of(arrays, round, tree)
            if one["children_left"][0] < 0:
                base[tree % scores] += one["values"][0].sum()
                continue
            explainer = shap.TreeExplainer({"trees": [one]}, feature_perturbation="tree_path_dependent")
            found_values = np.asarray(explainer.shap_values(x, check_additivity=False)).reshape(*x.shape, -1)
            places = (tree * found_values.shape[2] + np.arange(found_values.shape[2])) % scores
            values[:, :, places] += found_values
            base[places] += explainer.expected_value
    return values, base


def test_two_boosted_classes_agree_with_shap(boosting: Model) -> None:
    """Values add up to the log-odds."""
    check_trees(boosting, with_gaps(load_breast_cancer))


@pytest.mark.breadth
def test_shares_of_a_forest_agree_with_shap(forest: Model) -> None:
    """Values add up to the shares of the classes."""
    check_trees(forest, with_gaps(load_wine))


@pytest.mark.breadth
@pytest.mark.long
def test_three_boosted_classes_agree_with_shap() -> None:
    """Each class has trees of its own."""
    frame = with_gaps(load_wine)
    check_trees(yarnml.fit(frame, label="target", learner={"kind": "boosting", "trees": 2, "depth": 2}), frame)


def check_trees(model: Model, frame: Any) -> None:
    """Values of trees are those of the package shap, with missing values too; they add up to the scores."""
    rows = frame.drop(columns="target")
    explanation = model.explain(rows)
    assert explanation.method == "trees"
    values, base = by_shap(model, rows.to_numpy(np.float32))
    largest = np.abs(values).max()
    np.testing.assert_allclose(explanation.values, values, atol=TOLERANCE * largest)
    np.testing.assert_allclose(explanation.base_values, base, rtol=1e-6)
    outputs = model.outputs(rows)
    sums = explanation.values.sum(axis=1) + explanation.base_values
    if model.about["learner"]["kind"] != "boosting":
        np.testing.assert_allclose(sums, outputs.reshape(len(rows), -1), atol=1e-5 * np.abs(outputs).max())
    elif outputs.shape[1] == 2:
        np.testing.assert_allclose(sums[:, 0], np.log(outputs[:, 1] / outputs[:, 0]), atol=1e-4)


def test_linear_models_and_any_model_have_the_same_values() -> None:
    """A linear model's values are coefficients times distances, also by orders that are drawn."""
    frame = load_diabetes(as_frame=True).frame[["age", "bmi", "bp", "target"]]
    model = yarnml.fit(frame, label="target", learner="linear")
    explanation = model.explain(frame)
    coefficients = model.coefficients()["coefficient"].to_numpy()[1:]
    x = frame[["age", "bmi", "bp"]].to_numpy()
    expected = (x - np.asarray(model.arrays["scaling/mean"]) - offsets(model)) * coefficients
    assert explanation.method == "linear"
    np.testing.assert_allclose(explanation.values[:, :, 0], expected, atol=1e-3)
    prepared, _ = model._features(frame)
    baseline = np.asarray(model.arrays["scaling/mean"])
    drawn, base = sampled.explained(lambda x: model.call(x, 4096)[:, None], prepared, baseline, 3, 2)
    np.testing.assert_allclose(drawn, explanation.values, atol=1e-2)
    np.testing.assert_allclose(base, explanation.base_values, rtol=1e-5)


def offsets(model: Model) -> Array:
    return np.array(model.about["offsets"] or [0.0] * model.schema.width)


def test_sampled_values_add_up_to_the_outputs(network: Model) -> None:
    """Values of a network add up to its probabilities less those of the baseline, in every row."""
    frame = load_wine(as_frame=True).frame
    explanation = network.explain(frame, orders=2)
    assert explanation.method == "sampled"
    assert explanation.output_names == ["0", "1", "2"]
    sums = explanation.values.sum(axis=1) + explanation.base_values
    np.testing.assert_allclose(sums, network.outputs(frame), atol=1e-6)
    assert explanation.table().column_names == [name for name in frame if name != "target"]


def test_all_orders_are_taken_where_they_are_few() -> None:
    """Three features have six orders; of many the drawn ones come with their reverses."""
    assert len(sampled.orders_of(3, 3)) == 6
    drawn = sampled.orders_of(20, 4)
    assert (drawn[0] == drawn[1][::-1]).all()
    assert len(drawn) == 8
