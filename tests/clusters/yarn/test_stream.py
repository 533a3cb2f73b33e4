"""A stream on YARN: batches from HDFS, a master that is killed between them, and the model of one process here."""

from pathlib import Path

import pytest

import yarnml
from tests.applications import LEAD, USER, Cluster, submitted
from tests.jobs.streams import ALL_FILES, stream_job
from tests.processes import wait_for
from yarnml.checkpoint.stream import read_stream

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn"), pytest.mark.faults]


def test_a_master_dies_between_batches(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt goes on with the recorded batches, and the last version has the bits of one process."""
    job = stream_job(tmp_path)
    alone = yarnml.run(job, "inline").export
    home = f"{cluster.hadoop.hdfs}{USER}/stream"
    cluster.put(tmp_path / "in", f"{USER}/stream/in")
    (tmp_path / "history").mkdir()
    (tmp_path / "history.parquet").rename(tmp_path / "history" / "rows.parquet")
    cluster.put(tmp_path / "history", f"{USER}/stream/history")
    follow = job["data"]["follow"] | {"path": f"{home}/in", "settle": "1 s"}
    job |= {
        "data": job["data"] | {"train": f"{home}/history", "follow": follow},
        "checkpoint": {"path": f"{home}/job"},
        "export": f"{home}/models",
        "workers": {"count": 2, "memory": "1 GiB"},
        "environment": cluster.job("stream")["environment"],
    }
    with submitted(cluster, job) as run:
        wait_for("the first batch", lambda: "batch 1 is learned" in run.printed(), 120)
        cluster.processes(LEAD)[0].kill()
        status, out = run.end()
    assert status == 0, out
    assert "batch 3 is learned" in out
    assert cluster.read(f"{home}/models/4/model.safetensors") == (Path(str(alone)) / "model.safetensors").read_bytes()
    for name, value in cluster.hadoop.environment.items():
        monkeypatch.setenv(name, value)
    record = read_stream(f"{home}/job")
    assert record
    assert [url.rpartition("/")[2] for url in (*record.taken, *(file.url for file in record.files))] == ALL_FILES
    assert cluster.files(f"{USER}/.skein") == []
