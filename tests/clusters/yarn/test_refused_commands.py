"""Commands for a job on YARN that can't be carried out, in one sentence each."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.applications import Cluster

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param(
            "application_1",
            "application_1 is no application: an id looks like application_1700000000000_0001.",
            marks=pytest.mark.breadth,
        ),
        pytest.param(
            "application_1700000000000_0001",
            "There is no application_1700000000000_0001 on this cluster",
            marks=pytest.mark.breadth,
        ),
        ("nobody", "No application of yours with the name nobody is running or waiting"),
    ],
)
def test_a_wrong_name(cluster: Cluster, name: str, sentence: str) -> None:
    """One sentence, and the exit status of a wrong command line."""
    done = cluster.yarnml("kill", name)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {sentence}")
    assert done.stderr.count("\n") == 1


def test_without_yarn(cluster: Cluster, tmp_path: Path) -> None:
    """Without a Hadoop configuration the sentence says what to set."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("HADOOP")} | {"HADOOP_CONF_DIR": str(tmp_path)}
    line = [sys.executable, "-m", "yarnml", "ls"]
    done = subprocess.run(line, env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "HADOOP_CONF_DIR" in done.stderr
    assert done.stderr.count("\n") == 1
