"""Containers that YARN gives to a job on a real cluster: fewer at first, taken back, on labelled nodes, with a GPU."""

import re

import pytest

from tests import families
from tests.applications import CONTAINER, Cluster, submitted
from tests.hadoop import GPU_HOST
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("jobs")]


def test_a_job_starts_with_less_and_grows(cluster: Cluster) -> None:
    """With room for some of its workers the job starts; those that come later take part after a checkpoint."""
    job = cluster.endless("grows", workers={"count": 3, "min": 1, "memory": "2 GiB"})
    with cluster.filled("3 GiB") as call_off, submitted(cluster, job) as run:
        wait_for("the start", lambda: re.search(r"[12] of 3 workers take part", run.printed()), 180)
        call_off()
        wait_for("the others", lambda: "3 of 3 workers take part" in run.printed(), 180)
        cluster.yarnml("kill", run.id)
    assert cluster.left_behind(job) == []


def test_preemption_is_no_failure(cluster: Cluster) -> None:
    """A container that YARN takes back for another queue is told and replaced, but not counted."""
    job = cluster.endless("preempted", workers={"count": 3, "memory": "2 GiB", "max_failures": 0})
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        with cluster.filled("1792 MiB", "research", "alice"):
            wait_for("the loss", lambda: "was taken away by the cluster" in run.printed(), 180)
            before = max(cluster.steps(job), default=0)
            wait_for("a later checkpoint", lambda: max(cluster.steps(job), default=0) > before + 6, 180)
        wait_for("all workers again", lambda: "3 of 3 workers take part" in run.printed(), 180)
        cluster.yarnml("kill", run.id)
    assert cluster.left_behind(job) == []


def test_roles_keep_to_their_nodes(cluster: Cluster) -> None:
    """Workers go to the nodes of their label; the master and reducers of their own never do."""
    job = cluster.endless("labelled", workers={"count": 2, "memory": "1 GiB", "node_label": "gpu"})
    job |= {"reducers": {"count": 1, "memory": "512 MiB"}}
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        names = {p.pid: families.variables(p).get("SKEIN_CONTAINER_ID", "master") for p in cluster.processes(CONTAINER)}
        labelled = {names[p.pid] for p in cluster.hadoop.containers(GPU_HOST) if p.pid in names}
        cluster.yarnml("kill", run.id)
    assert sorted(names.values()) == ["reducer_0", "worker_0", "worker_1"]
    assert labelled == {"worker_0", "worker_1"}
    assert cluster.left_behind(job) == []


def test_a_gpu_that_is_not_there(cluster: Cluster) -> None:
    """A container that YARN gave a GPU, on a node without driver, ends the job with what is needed; once."""
    job = cluster.job("on-gpus", workers={"count": 1, "memory": "1 GiB", "gpus": 1, "node_label": "gpu"})
    with submitted(cluster, job) as run:
        status, out = run.end()
    assert status == 2
    assert "workers.gpus is 1, but on" in out
    assert out.count("error:") == 1
    assert cluster.left_behind(job) == []
