"""Delay, smaller gradients and local steps on YARN: the bits of one process, also where a container dies."""

from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.applications import CONTAINER, Cluster, submitted
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn"), pytest.mark.breadth]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"delay": 2, "gradients": "int4"}, id="delay"),
        pytest.param({"gradients": "top_k", "top_k": {"share": 0.05}}, id="top-k"),
        pytest.param({"local_steps": 4, "outer": {"kind": "sgd", "learning_rate": 1.0}}, id="local-steps"),
    ],
)
def test_a_container_dies(
    cluster: Cluster, digits: Path, tmp_path: Path, fields: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """SIGKILL of a container: the job goes on, with residuals from its checkpoint, to the bits of one process."""
    job = cluster.held(request.node.callspec.id)
    job["training"] |= {"epochs": 12, **fields}
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 240)
        cluster.processes(CONTAINER)[0].kill()
        wait_for("its loss", lambda: "lost: worker" in run.printed(), 180)
        cluster.let_go(job)
        local = job | {
            "data": job["data"] | {"train": str(digits / "train"), "test": str(digits / "test")},
            "learner": job["learner"] | {"path": str(cluster.folder / job["learner"]["path"])},
            "checkpoint": {"path": str(tmp_path / "job")},
            "export": str(tmp_path / "models"),
        }
        yarnml.run(local, "inline")
        status, out = run.end()
    assert status == 0, out
    bits = (tmp_path / "models/1/model.safetensors").read_bytes()
    assert cluster.read(f"{job['export']}/1/model.safetensors") == bits
    assert cluster.left_behind(job) == []
