"""A table in parts on a real cluster: an owner that dies costs a step, and the model has the bits of one process."""

from pathlib import Path

import psutil
import pytest

import yarnml
from tests import families
from tests.applications import CONTAINER, Cluster, submitted
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("jobs")]

MODEL = ("model.safetensors", "table.safetensors")


@pytest.mark.parametrize(
    "delay", [pytest.param(0, marks=pytest.mark.faults), pytest.param(1, marks=pytest.mark.breadth)]
)
def test_an_owner_dies(cluster: Cluster, digits: Path, tmp_path: Path, delay: int) -> None:
    """SIGKILL of a reducer that owns a part: its follower takes over, without the checkpoint; the bits stay.

    Another reducer comes in its place, and a third one when the job is scaled.
    """
    job = cluster.job(f"owner-{delay}", learner={"kind": "sparse_linear"}, reducers={"count": 2, "memory": "512 MiB"})
    data = {"label_type": "number", "scale": "none", "prepare": [{"kind": "key", "columns": ["pixels"]}]}
    job["data"] |= data
    job["training"] |= {"epochs": 1000, "state": "sharded", "delay": delay}
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
    assert "keys in 2 parts of" in out
    places = {"checkpoint": {"path": str(tmp_path / "job")}, "export": str(tmp_path / "models")}
    local = job["data"] | {"train": str(digits / "train"), "test": str(digits / "test")}
    alone = {"name": "alone", "data": local, "reducers": {}}
    yarnml.run(job | alone | places, "inline")
    for name in MODEL:
        assert cluster.read(f"{job['export']}/1/{name}") == (tmp_path / "models/1" / name).read_bytes()
    assert cluster.left_behind(job) == []


def is_owner(process: psutil.Process) -> bool:
    """Tell whether a container's process is a reducer."""
    return families.variables(process).get("SKEIN_CONTAINER_ID", "").startswith("reducer")
