"""Whole jobs on tables as clusters hold them: folders, conditions, patterns, and the same bits."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

import yarnml
from tests.preparing import step

pytestmark = pytest.mark.long


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Tumours in folders by a column, in files of different layouts, with what Hadoop leaves beside."""
    data = load_breast_cancer(as_frame=True).frame
    data["id"] = range(len(data))
    data["size"] = [["small", "large"][area > 500] for area in data["mean area"]]
    for number, (size, rows) in enumerate(data.groupby("size", sort=True)):
        folder = tmp_path / f"table/size={size}"
        folder.mkdir(parents=True)
        part = pa.Table.from_pandas(rows.drop(columns="size"), preserve_index=False)
        part = part.select(part.column_names[:: [1, -1][number]])
        pq.write_table(part, folder / "part-0.parquet", row_group_size=50)
        (folder / "part-1.parquet").write_bytes(b"")
    (tmp_path / "table/_SUCCESS").write_bytes(b"")
    return tmp_path / "table"


def test_the_same_bits(table: Path, tmp_path: Path) -> None:
    """Two workers choose and train what one process does, and the model reads the folders of its predictions."""
    job: dict[str, Any] = {
        "name": "tumours",
        "data": {
            "train": str(table),
            "label": "target",
            "features": {"all": True, "except": ["id", "* error"]},
            "where": "\"mean radius\" > 8 and (size = 'large' or id between 3 and 500)",
            "sample": 0.9,
            "validation": 0.2,
            "prepare": [
                step("one_hot", "type:text", min_count=2),
                step("clip", "worst *"),
                step("quantile", "worst *", quantiles=50, to="normal"),
                step("robust", "mean radius", "mean texture"),
                step("log", "mean area"),
            ],
        },
        "learner": {"kind": "naive_bayes"},  # which is compiled in a moment
        "training": {"shards": 3},
        "workers": {"count": 2},
    }
    exports = []
    for backend in ("inline", "local"):
        places = {"checkpoint": {"path": f"{tmp_path}/{backend}"}, "export": f"{tmp_path}/{backend}-models"}
        exports.append(str(yarnml.run(job | places, backend).export))
    models = [Path(export, "model.safetensors").read_bytes() for export in exports]
    assert models[0] == models[1]
    about = yarnml.load_model(exports[0]).about
    assert about["feature_names"][-3:] == ["size=large", "size=small", "size is rare"]
    assert len(about["feature_names"]) == 23
    assert about["job"]["data"]["features"][-1] == "size"
    assert 300 < about["data"]["train"]["rows"] + about["data"]["validation"]["rows"] < 569 * 0.9
    assert about["metrics"]["validation"]["accuracy"] > 0.9
