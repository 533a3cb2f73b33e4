"""Forests judge each training row by the trees that were grown without it, as scikit-learn's do."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

import yarnml
from tests.learners.kinds import schema
from tests.learners.trees.growing import grown, halves
from yarnml.errors import JobFileError
from yarnml.job.learners import Forest
from yarnml.learners.base import Batch


@pytest.mark.long
@pytest.mark.parametrize(("name", "metric", "reference"), [
    ("breast_cancer", "accuracy", RandomForestClassifier(50, oob_score=True, random_state=0)),
    ("diabetes", "r2", RandomForestRegressor(50, oob_score=True, max_features=1 / 3, random_state=0)),
])  # fmt: skip
def test_scores_are_scikit_learn_s(name: str, metric: str, reference: Any) -> None:
    """Scores of 50 trees are within 0.03 of its ``oob_score_``, where two of its seeds differ by up to 0.024."""
    data = getattr(datasets, f"load_{name}")()
    table = {f"x{i}": column for i, column in enumerate(data.data.T)} | {"y": data.target}
    learner = {"kind": "forest", "trees": 50, "out_of_bag": True}
    outcome = yarnml.fit(table, label="y", learner=learner, training={"shards": 2}).outcome
    right = reference.fit(data.data, data.target).oob_score_
    assert outcome.metrics["out_of_bag"][metric] == pytest.approx(right, abs=0.03)
    assert list(outcome.metrics) == ["out_of_bag"]


def test_only_trees_without_a_row_judge_it() -> None:
    """Rows that each tree tells apart are known to those that had them alone; one that all trees had has no weight."""
    x, y, _, _ = halves("diabetes")
    y = np.random.default_rng(0).normal(size=len(y)).astype(np.float32)  # nothing can be learnt of other rows
    learner, state = grown(Forest(trees=4, features=1.0), schema(10, ()), x, y)
    rows = [Batch(x, y, np.ones(len(y), np.float32))]
    judged = learner.out_of_bag(state, learner.prepare_shard(state, rows))
    held = learner.map_shard(state, learner.prepare_shard(state, rows))[1]
    for ours, anew in zip(learner.out_of_bag(state, held), judged, strict=True):
        np.testing.assert_array_equal(ours, anew)
    counts = judged.weight > 0
    assert 0.75 < counts.mean() < 0.92  # a row is in all of four trees with a chance of 0.632^4 = 0.16
    assert np.corrcoef(judged.outputs[counts], y[counts])[0, 1] < 0.2
    np.testing.assert_allclose(judged.loss, 0.5 * (judged.outputs - y) ** 2, rtol=1e-5)


def test_trees_of_an_earlier_model_are_refused() -> None:
    """It is not known which rows an earlier model's trees were grown without, and the sentence says so."""
    with pytest.raises(JobFileError, match=r"learner\.out_of_bag needs all trees to be grown in this job"):
        yarnml.fit(
            {"a": [1.0, 2.0], "y": [0.0, 1.0]},
            label="y",
            learner={"kind": "forest", "out_of_bag": True},
            start_from="m",
        )


@pytest.mark.long
def test_scores_have_the_same_bits_on_several_workers(tmp_path: Path) -> None:
    """One process and two that have a shard or two each judge the rows alike, to the bit."""
    data = datasets.load_breast_cancer()
    pq.write_table(pa.table({"x": list(data.data), "y": data.target}), tmp_path / "rows.parquet")
    job = {
        "name": "forest",
        "data": {"train": str(tmp_path / "rows.parquet"), "features": ["x"], "label": "y"},
        "learner": {"kind": "forest", "trees": 11, "out_of_bag": True},
        "training": {"shards": 3},
    }
    metrics = []
    for backend, workers in (("inline", 1), ("local", 2)):
        folder = {"checkpoint": {"path": str(tmp_path / backend)}, "workers": {"count": workers}}
        metrics.append(yarnml.run(job | folder, backend).metrics["out_of_bag"])
    assert metrics[0] == metrics[1]
    assert metrics[0]["accuracy"] > 0.9
