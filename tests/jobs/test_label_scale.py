"""Jobs whose learner sees a scaled label: all that a user sees is in the label's units."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.tiers import cases

pytestmark = pytest.mark.long

X = np.random.default_rng(0).normal(size=(200, 2))
PRICE = np.rint(3000 + 500 * X[:, 0] - 200 * X[:, 1]).astype(np.int64)
TABLE = pa.table({"a": X[:, 0], "b": X[:, 1], "price": PRICE})


def trained(folder: Path, learner: dict[str, Any], **sections: Any) -> Any:
    """The outcome and the model of a job on the prices."""
    pq.write_table(TABLE, folder / "train.parquet")
    train = str(folder / "train.parquet")
    data = {"train": train, "test": train, "features": ["a", "b"], "label": "price"} | sections.pop("data", {})
    places = {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}
    outcome = yarnml.run({"name": "job", "data": data, "learner": learner, **places, **sections}, "inline")
    return outcome, yarnml.load_model(outcome.export)


@pytest.mark.parametrize("scale", cases(["standard", "log"], ["log"]))
def test_predictions_and_metrics_are_in_the_label_s_units(scale: str, tmp_path: Path) -> None:
    """The exported program predicts prices, and the evaluation has judged the same ones."""
    data = {"label_type": "number", "label_scale": scale}
    learner = {"kind": "mlp", "hidden": [8], "optimizer": {"learning_rate": 0.03}}
    outcome, model = trained(tmp_path, learner, data=data, training={"epochs": 20})
    errors = model.predict(TABLE) - PRICE
    metrics = outcome.metrics["test"]
    assert metrics["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-4)
    assert metrics["r2"] > 0.5
    if scale == "standard":
        assert metrics["loss"] == pytest.approx(np.mean(np.square(errors)) / 2, rel=1e-4)


@pytest.mark.parametrize("learner", [{"kind": "linear"}, pytest.param({"kind": "huber"}, marks=pytest.mark.breadth)])
def test_a_scale_changes_no_coefficient(learner: dict[str, Any], tmp_path: Path) -> None:
    """Whole-number prices are numbers to these kinds, and coefficients are those of the prices with any scale."""
    for number, scale in enumerate(("none", "standard")):
        (tmp_path / str(number)).mkdir()
        outcome, model = trained(tmp_path / str(number), learner, data={"label_scale": scale})
        values = model.coefficients()["coefficient"].to_pylist()
        assert values == pytest.approx([3000, 500, -200], rel=1e-3)
        assert outcome.converged
