"""A state in parts on a real cluster: an owner that dies costs a step, and the model has the bits of one process."""

from pathlib import Path
from typing import Any

import psutil
import pytest

import yarnml
from tests import families
from tests.applications import CONTAINER, Cluster, submitted
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]

KEYED = {
    "learner": {"kind": "sparse_linear"},
    "data": {"label_type": "number", "scale": "none", "prepare": [{"kind": "key", "columns": ["pixels"]}]},
}


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param(KEYED, id="table", marks=pytest.mark.faults),
        pytest.param(KEYED | {"training": {"delay": 1}}, id="table-delay", marks=pytest.mark.breadth),
        pytest.param({}, id="network", marks=pytest.mark.breadth),
    ],
)
def test_an_owner_dies(
    cluster: Cluster, digits: Path, tmp_path: Path, sections: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """SIGKILL of a reducer that owns a part: its follower takes over, without the checkpoint; the bits stay.

    Another reducer comes in its place, and a third one when the job is scaled.
    """
    job = cluster.job(f"owner-{request.node.callspec.id}", reducers={"count": 2, "memory": "512 MiB"})
    for name, fields in sections.items():
        job[name] = fields if name == "learner" else job[name] | fields
    job["training"] |= {"epochs": 500, "state": "sharded"}
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        owners = [process for process in cluster.processes(CONTAINER) if is_owner(process)]
        assert len(owners) == 2
        owners[0].kill()
        wait_for("its place to be taken", lambda: run.printed().count("going on after step") == 2, 180)
        scaled = cluster.yarnml("scale", run.id, "--reducers", "3")
        wait_for("a third reducer", lambda: run.printed().count("going on after step") == 3, 180)
        status, out = run.end()
    assert scaled.returncode == 0, scaled.stderr
    assert status == 0, out
    assert "lost: reducer" in out
    assert "continuing after step" not in out, "no checkpoint was needed"
    assert " in 2 parts of " in out
    places = {"checkpoint": {"path": str(tmp_path / "job")}, "export": str(tmp_path / "models")}
    local = job["data"] | {"train": str(digits / "train"), "test": str(digits / "test")}
    alone = {"name": "alone", "data": local, "reducers": {}}
    yarnml.run(job | alone | places, "inline")
    for path in (tmp_path / "models/1").glob("*.safetensors"):
        assert cluster.read(f"{job['export']}/1/{path.name}") == path.read_bytes()
    assert cluster.left_behind(job) == []


def is_owner(process: psutil.Process) -> bool:
    """Tell whether a container's process is a reducer."""
    return families.variables(process).get("SKEIN_CONTAINER_ID", "").startswith("reducer")
