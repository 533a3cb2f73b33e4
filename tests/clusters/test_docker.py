"""The cluster of Docker containers does what ``docker/README.md`` says."""

import re
from collections.abc import Iterator

import pytest

from tests.clusters.docker import Edge, commands, edge_of

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
    with edge_of("cluster") as run:
        yield run


def test_the_label_leads_to_the_gpus(edge: Edge) -> None:
    """An application with a label and a GPU, runs on worker3, and its log can be read afterwards."""
    app = edge("python", "-W", "ignore", "-c", HELLO).strip()
    assert re.fullmatch(r"application_\d+_\d+", app)
    assert "hello from worker3" in edge("yarn", "logs", "-applicationId", app)


def test_the_first_submit(edge: Edge) -> None:
    """The commands at the beginning of the README, as they stand there, end with a model on HDFS."""
    outputs = [edge(*line.split()) for line in commands("# A Hadoop of Docker containers")]
    assert len(outputs) == 3
    assert "model.safetensors" in outputs[-1]
    assert any("Packed the environment" in output for output in outputs)  # the nodes have Python alone
