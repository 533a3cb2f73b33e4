"""Jobs with trees on numbers that float32 does not tell apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

import yarnml
from tests.tiers import cases

MONTH = np.repeat(20240101 + np.arange(31), 20)
CLOSE = {
    "epoch milliseconds": 1_700_000_000_123 + MONTH,
    "degrees": 40.7 + 1e-7 * MONTH,
}


@pytest.mark.long
@pytest.mark.parametrize("name", cases(CLOSE, {"epoch milliseconds"}))
def test_trees_tell_numbers_apart_that_float32_rounds_to_one(write_table: Callable[..., Path], name: str) -> None:
    """A tree learns a label that hangs on the very number, as scikit-learn's boosting does, and so it predicts."""
    column = CLOSE[name]
    y = (MONTH - MONTH[0]) * 0.5
    code = np.arange(len(y)) % 3
    path = write_table("train.parquet", when=column, code=code, y=y + code)
    job = {
        "name": "close",
        "data": {"train": str(path), "features": ["when", "code"], "label": "y", "label_type": "number"},
        "learner": {"kind": "boosting", "trees": 20, "depth": 6, "bins": 63, "l2": 0.0, "learning_rate": 0.5},
        "training": {"shards": 3},
        "checkpoint": {"path": str(path.parent / "job"), "every": "100 epochs"},
        "export": str(path.parent / "models"),
    }
    job["learner"] |= {"categorical": ["code"], "min_hessian": 1.0}
    x = np.column_stack([column, code]).astype(np.float64)
    right = HistGradientBoostingRegressor(max_iter=60, learning_rate=0.3, min_samples_leaf=1).fit(x, y + code)
    assert np.abs(right.predict(x) - y - code).max() < 1e-2
    model = yarnml.load_model(str(yarnml.run(job, backend="inline").export))
    assert np.abs(model.predict({"when": column, "code": code}) - y - code).max() < 1e-2
    assert np.abs(model.predict(x) - y - code).max() < 1e-2
    assert model.about["offsets"][1] == 0


@pytest.mark.long
def test_numbers_that_float32_holds_are_counted_from_zero(write_table: Callable[..., Path]) -> None:
    """Trees take other numbers as they are, so that their thresholds are the data's."""
    x = np.arange(100.0) + 1000
    path = write_table("train.parquet", x=x, tiny=x * 2.0**-100, least=1e-36 * x, y=x)
    job = {
        "name": "plain",
        "data": {"train": str(path), "features": ["x", "tiny", "least"], "label": "y", "label_type": "number"},
        "learner": {"kind": "tree", "depth": 2, "bins": 200},
        "checkpoint": {"path": str(path.parent / "job")},
        "export": str(path.parent / "models"),
    }
    model = yarnml.load_model(str(yarnml.run(job, backend="inline").export))
    assert model.about["offsets"] == []
