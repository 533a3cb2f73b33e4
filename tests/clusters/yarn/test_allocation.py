"""Containers that YARN gives to a job on a real cluster: fewer at first, taken back, with a GPU."""

import re

import pytest

from tests.applications import Cluster, submitted
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


@pytest.mark.breadth
def test_containers_that_come_and_go(cluster: Cluster) -> None:
    """With room for some of its workers the job starts; those that come later take part after a checkpoint.

    A container that YARN takes back for another queue is told and replaced, but not counted.
    """
    job = cluster.endless("grows", workers={"count": 3, "min": 1, "memory": "2 GiB", "max_failures": 0})
    complete = "3 of 3 workers take part"
    loss = "was taken away by the cluster"
    with cluster.filled("3 GiB") as call_off, submitted(cluster, job) as run:
        wait_for("the start", lambda: re.search(r"[12] of 3 workers take part", run.printed()), 180)
        call_off()
        wait_for("the others", lambda: complete in run.printed(), 180)
        with cluster.filled("1792 MiB", "research", "alice"):
            wait_for("the loss", lambda: loss in run.printed(), 180)
            before = max(cluster.steps(job), default=0)
            wait_for("a later checkpoint", lambda: max(cluster.steps(job), default=0) > before + 6, 180)
        wait_for("all workers again", lambda: complete in run.printed().rpartition(loss)[2], 180)
        cluster.yarnml("kill", run.id)
    assert cluster.left_behind(job) == []


@pytest.mark.breadth
def test_a_gpu_that_is_not_there(cluster: Cluster) -> None:
    """A container that YARN gave a GPU, on a node without driver, ends the job with what is needed; once."""
    job = cluster.job("on-gpus", workers={"count": 1, "memory": "1 GiB", "gpus": 1, "node_label": "gpu"})
    with submitted(cluster, job) as run:
        status, out = run.end()
    assert status == 2
    assert "workers.gpus is 1, but on" in out
    assert out.count("error:") == 1
    assert cluster.left_behind(job) == []
