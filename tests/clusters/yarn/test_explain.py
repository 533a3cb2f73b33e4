"""An explanation on YARN: the bytes of one process here, also where a container dies."""

from pathlib import Path
from typing import Any

import pytest

from tests.applications import CONTAINER, USER, Cluster, submitted
from tests.model.models import train
from tests.processes import wait_for
from yarnml.job.load import load_any
from yarnml.runner import run_any

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn"), pytest.mark.breadth]

NETWORK = {"kind": "mlp", "hidden": [16]}
"""Its values are sampled: that takes long enough to be disturbed."""


def test_a_container_dies(cluster: Cluster, digits: Path, tmp_path: Path) -> None:
    """Another container takes over, in the same attempt; the folder appears whole, with the tables of one process."""
    model = Path(train(tmp_path, digits, learner=NETWORK))
    home = f"{cluster.hadoop.hdfs}{USER}/explained"
    cluster.put(model, f"{USER}/explained/models/1")
    settings: dict[str, Any] = {"repeats": 2, "orders": 4}
    section = {
        "model": f"{home}/models/1",
        "data": f"{cluster.hadoop.hdfs}{USER}/digits/train",
        "output": f"{home}/out",
    }
    job = {
        "name": "explained",
        "explain": section | settings,
        "workers": {"count": 2, "memory": "1 GiB"},
        "environment": cluster.job("explained")["environment"],
    }

    def done() -> list[str]:
        return [name for name in cluster.files(f"{USER}/explained") if "/shap/part-" in name]

    with submitted(cluster, job) as run:
        wait_for("values of some rows", lambda: done() or "done:" in run.printed(), 200)
        cluster.processes(CONTAINER)[0].kill()
        status, out = run.end()
    assert status == 0, out
    assert "lost: worker" in out
    assert cluster.attempts("explained") == 1
    local = {"model": str(model), "data": str(digits / "train"), "output": str(tmp_path / "out")}
    run_any(load_any({"name": "here", "explain": local | settings}), "inline")
    tables = list((tmp_path / "out").rglob("*.parquet"))
    assert {path.name for path in tables} > {"importances.parquet", "features.parquet", "dependence.parquet"}
    for path in tables:
        assert cluster.read(f"{home}/out/{path.relative_to(tmp_path / 'out')}") == path.read_bytes(), path
