"""The cluster of Docker containers does what ``docker/README.md`` says."""

import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
Edge = Callable[..., str]

HELLO = """
import skein, time
resources = {"memory": "256 MiB", "vcores": 1, "gpus": 1}
hello = {"script": "echo hello from $NM_HOST", "node_label": "gpu", "resources": resources}
with skein.Client() as client:
    app = client.submit(skein.ApplicationSpec.from_dict({"name": "hello", "services": {"hello": hello}}))
    while (report := client.application_report(app)).state not in ("FINISHED", "FAILED", "KILLED"):
        time.sleep(0.5)
print(app if report.final_status == "succeeded" else report.diagnostics)
"""

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    """Runs a command on the edge node, as its user, and gives its output."""
    check = subprocess.run([sys.executable, DOCKER / "cluster.py", "check"], capture_output=True, text=True)
    if check.returncode:
        pytest.skip(check.stderr.strip())
    compose = runpy.run_path(str(DOCKER / "cluster.py"))["compose"]()
    try:
        subprocess.run(["make", "cluster"], cwd=ROOT, check=True)

        def run(*line: str, user: str = "bob") -> str:
            done = subprocess.run(
                [*compose, "exec", "-T", "-u", user, "edge", *line],
                cwd=DOCKER,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=600,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        yield run
    finally:
        subprocess.run(["make", "cluster-down"], cwd=ROOT, check=True)


def test_the_label_leads_to_the_gpus(edge: Edge) -> None:
    """An application with a label and a GPU, runs on worker3, and its log can be read afterwards."""
    app = edge("python", "-W", "ignore", "-c", HELLO).strip()
    assert re.fullmatch(r"application_\d+_\d+", app)
    assert "hello from worker3" in edge("yarn", "logs", "-applicationId", app)


def test_the_first_submit(edge: Edge) -> None:
    """The commands at the beginning of the README, as they stand there, end with a model on HDFS."""
    beginning = (DOCKER / "README.md").read_text().partition("\n## ")[0]
    lines = re.findall(r"^ +docker compose exec edge (.+)$", beginning, re.MULTILINE)
    outputs = [edge(*line.split()) for line in lines]
    assert len(outputs) == 3
    assert "model.safetensors" in outputs[-1]
    assert any("Packed the environment" in output for output in outputs)  # the nodes have Python alone
