"""Jobs that apply a model on YARN: the bytes and numbers of one process here, also where a container dies."""

import json
import re
from pathlib import Path

import pytest

from tests.applications import CONTAINER, LEAD, USER, Cluster, submitted
from tests.model.models import train
from tests.processes import wait_for
from yarnml.job.load import load_any
from yarnml.runner import run_any

pytestmark = [pytest.mark.timeout(300), pytest.mark.cluster("yarn")]

FILES = 150
MANY_FILES = 1400
"""So many that there is time to grow."""


@pytest.mark.breadth
def test_a_container_dies(cluster: Cluster, digits: Path, tmp_path: Path) -> None:
    """Another container takes over, in the same attempt; files that were done stay, and nothing else is left.

    The model is that of an alias on HDFS; it is evaluated there, too.
    """
    model = Path(train(tmp_path, digits))
    home = f"{cluster.hadoop.hdfs}{USER}"
    cluster.put(model, f"{USER}/scored/models/1")
    promoted = cluster.yarnml("models", "promote", f"{home}/scored/models")
    assert promoted.stdout == f"production is version 1: {home}/scored/models/1\n", promoted.stderr
    section = {
        "model": f"{home}/scored/models@production",
        "data": f"{home}/digits/test",
        "output": f"{home}/scored/out",
    }
    common = {"keep": ["digit"], "shards": FILES}
    processes = {
        "workers": {"count": 2, "memory": "1 GiB"},
        "environment": cluster.job("scored")["environment"],
    }

    def done() -> list[str]:
        return [name for name in cluster.files(f"{USER}/scored/.yarnml-predict-out/parts") if name.startswith("part-")]

    with submitted(cluster, {"name": "scored", "predict": section | common, **processes}) as run:
        wait_for("some files", lambda: len(done()) > 3 or "done:" in run.printed(), 120)
        cluster.processes(CONTAINER)[0].kill()
        status, out = run.end()
    assert status == 0, out
    assert "lost: worker" in out
    assert f"rows in {FILES} files" in out
    local = section | {"model": str(model), "data": str(digits / "test"), "output": str(tmp_path / "out")}
    run_any(load_any({"name": "here", "predict": local | common}), "inline")
    for path in (tmp_path / "out").glob("part-*"):
        assert cluster.read(f"{home}/scored/out/{path.name}") == path.read_bytes()
    assert cluster.attempts("scored") == 1
    wait_for("the containers to end", lambda: not cluster.processes("yarnml"))
    evaluation = section | {"output": f"{home}/scored/metrics.json"}
    with submitted(cluster, {"name": "evaluated", "evaluate": evaluation, **processes}) as run:
        status, out = run.end()
    assert status == 0, out
    assert "macro_f1" in out
    inline = load_any({"name": "here", "evaluate": local | {"output": str(tmp_path / "metrics.json")}})
    assert json.loads(cluster.read(f"{home}/scored/metrics.json"))["metrics"] == run_any(inline, "inline").metrics
    left = {Path(name).parts[:2] for name in cluster.files(f"{USER}/scored") if name[0] == "." and "/" in name}
    assert left == {(".yarnml-predict-out", "history"), (".yarnml-evaluate-metrics.json", "history")}
    assert cluster.files(f"{USER}/.skein") == []
    listed = cluster.yarnml("history", f"{home}/scored").stdout
    assert re.search(r"scored +done +predict .* 150/150 ", listed), listed
    assert re.search(r"evaluated +done +evaluate ", listed), listed


@pytest.mark.faults
def test_it_grows_and_its_master_dies(cluster: Cluster, digits: Path, tmp_path: Path) -> None:
    """Workers come while there is room, and by `yarnml scale`; another attempt goes on; the bytes stay the same."""
    model = train(tmp_path, digits)
    home = f"{cluster.hadoop.hdfs}{USER}/grown"
    cluster.put(Path(model), f"{USER}/grown/models/1")
    section = {
        "model": f"{home}/models",
        "data": f"{cluster.hadoop.hdfs}{USER}/digits/train",
        "output": f"{home}/out",
        "shards": MANY_FILES,
    }
    job = {
        "name": "grown",
        "predict": section,
        "workers": {"count": 1, "max": 2, "memory": "512 MiB"},
        "environment": cluster.job("grown")["environment"],
    }

    def done() -> int:
        return sum("/part-" in name for name in cluster.files(f"{USER}/grown/.yarnml-predict-out"))

    def wait_for_size(workers: int) -> None:
        wait_for(f"{workers} workers", lambda: f"{workers} of {workers} workers take part" in run.printed(), 120)

    with submitted(cluster, job) as run:
        wait_for_size(2)
        refused = cluster.yarnml("scale", run.id, str(MANY_FILES + 1))
        scaled = cluster.yarnml("scale", run.id, "3")
        assert scaled.returncode == 0, scaled.stderr
        wait_for_size(3)
        reached = done()
        wait_for("more files", lambda: done() > reached, 120)
        cluster.processes(LEAD)[0].kill()
        before = done()
        status, out = run.end()
    assert status == 0, out
    assert "2 workers are wanted, not 1: the cluster has room" in out
    assert f"is cut into {MANY_FILES} shards" in refused.stderr
    assert before < MANY_FILES, "the master was killed too late"
    assert f"rows in {MANY_FILES} files" in out
    assert cluster.attempts("grown") == 2
    local = section | {"model": model, "data": str(digits / "train"), "output": str(tmp_path / "out")}
    run_any(load_any({"name": "here", "predict": local}), "inline")
    for path in (tmp_path / "out").glob("part-*"):
        assert cluster.read(f"{home}/out/{path.name}") == path.read_bytes()
    assert cluster.files(f"{USER}/.skein") == []
