"""A look at data on YARN: the facts that one process sees here, also where a container dies."""

import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.applications import CONTAINER, USER, Cluster, in_background
from tests.processes import wait_for
from yarnml.data.look.document import Document
from yarnml.data.look.survey import look
from yarnml.job.load import load_job

pytestmark = [pytest.mark.timeout(300), pytest.mark.cluster("yarn")]

FILES = 4
GROUPS = 30
"""Of each file: so many that there is time to kill a container."""


@pytest.mark.breadth
def test_a_container_dies(cluster: Cluster, tmp_path: Path) -> None:
    """Another container takes over in the same attempt; table, job file and page are made of the output."""
    data = tmp_path / "rows"
    data.mkdir()
    random = np.random.default_rng(1)  # synthetic: many columns of chance
    names = [f"x{n}" for n in range(40)]
    for n in range(FILES):
        x = random.normal(size=(GROUPS * 4, len(names)))
        rows = pa.table({**dict(zip(names, x.T, strict=True)), "label": random.integers(0, 2, len(x))})
        pq.write_table(rows, data / f"{n}.parquet", row_group_size=4)
    cluster.put(data, f"{USER}/looked/rows")
    home = f"{cluster.hadoop.hdfs}{USER}/looked"
    job_file = tmp_path / "first.yaml"
    page = tmp_path / "page.html"
    arguments = [f"{home}/rows", "--backend", "yarn", "--output", f"{home}/seen.json", "--write", str(job_file)]
    settings = [f"environment.python={sys.executable}", "workers.memory=1 GiB", "master.memory=1 GiB"]
    arguments += ["--report", str(page), *(part for setting in settings for part in ("--set", setting))]
    with in_background(cluster, tmp_path / "printed", "look", *arguments) as run:
        wait_for("the first shards", lambda: "look: " in run.printed(), 120)
        cluster.processes(CONTAINER)[0].kill()
        status, out = run.end()
    assert status == 0, out
    assert "lost: worker" in out
    seen = msgspec.json.decode(cluster.read(f"{home}/seen.json"), type=Document).look
    expected = look([str(data)], "auto", "DATA", None, None)
    assert seen == msgspec.structs.replace(expected, paths=[f"{home}/rows"])
    assert f"parquet: {FILES} files, {FILES * GROUPS} groups" in out
    assert load_job(job_file).data.label == "label"
    assert "x39" in page.read_text()
    left = [name for name in cluster.files(f"{USER}/looked") if name.startswith(".") and "history" not in name]
    assert left in ([], [".yarnml-look-seen.json"])
    again = cluster.yarnml("look", *arguments[:5], *arguments[-6:])
    assert again.returncode == 0, again.stderr
    assert "x39" in again.stdout
