"""Columns of predictions on request: the leaves of trees, and distances to centres."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_diabetes

import yarnml
from tests.jobs.test_predict import predict
from tests.model.models import stored
from yarnml.errors import JobFileError

FEATURES = ["age", "bmi", "s5"]


@pytest.fixture
def rows(tmp_path: Path) -> pd.DataFrame:
    """Rows with a category and missing values, also as a file."""
    frame = load_diabetes(as_frame=True).frame[[*FEATURES, "target"]]
    frame["kind"] = np.arange(len(frame)) % 5
    frame.loc[::9, "bmi"] = np.nan
    frame.to_parquet(tmp_path / "rows.parquet")
    return frame


def predicted(rows: pd.DataFrame, folder: Path, learner: dict[str, Any], label: str | None, **changes: Any) -> Any:
    """A model of these rows, and the table that it writes about them."""
    model = stored(yarnml.fit(rows, label=label, learner=learner), folder / "models/1")
    predict(folder, folder / "out", shards=3, **changes)
    return model, pq.read_table(folder / "out")


@pytest.mark.long
def test_leaves_add_up_to_the_prediction(rows: pd.DataFrame, tmp_path: Path) -> None:
    """The outputs of the leaves add up to the prediction of every row, by categories and with gaps, too."""
    learner = {"kind": "boosting", "trees": 3, "depth": 3, "categorical": ["kind"]}
    model, table = predicted(rows, tmp_path, learner, "target", leaves=True)
    leaves = np.stack(table["leaves"].to_pylist())
    assert leaves.shape == (len(rows), 3)
    a = {name.removeprefix("parameters/"): np.asarray(array) for name, array in model.arrays.items()}
    total = sum(a["leaf"][tree, 0, leaves[:, tree], 0] for tree in range(3))
    np.testing.assert_allclose(a["base"][0] + a["share"] * total, table["prediction"].to_numpy(), rtol=1e-5)
    assert len(np.unique(leaves[:, 0])) > 4


def test_distances_to_centres(rows: pd.DataFrame, tmp_path: Path) -> None:
    """Distances are those to the centres, and the prediction is the nearest."""
    frame = rows[FEATURES].fillna(0.0)
    frame.to_parquet(tmp_path / "rows.parquet")
    model, table = predicted(frame, tmp_path, {"kind": "kmeans", "clusters": 4}, None)
    assert table.column_names == ["prediction"]
    predict(tmp_path, tmp_path / "with", distances=True)
    written = np.stack(pq.read_table(tmp_path / "with")["distances"].to_pylist())
    centres = np.asarray(model.arrays["parameters/centres"])
    scaled = (frame.to_numpy() - model.arrays["scaling/mean"]) * model.arrays["scaling/factor"]
    expected = np.linalg.norm(np.asarray(scaled)[:, None] - centres, axis=2)
    np.testing.assert_allclose(written, expected, atol=1e-3)
    assert (written.argmin(axis=1) == pq.read_table(tmp_path / "with")["prediction"].to_numpy()).all()
    with pytest.raises(JobFileError, match=r"predict.leaves: models of tree, forest, boosting have them, not"):
        predict(tmp_path, tmp_path / "none", leaves=True)
