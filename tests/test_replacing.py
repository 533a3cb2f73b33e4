"""What replaces a container on a real cluster: one with more memory, or one that is not on a bad node."""

import re
from pathlib import Path

import pytest

from tests.applications import USER, Cluster, submitted
from tests.hadoop import Hadoop
from tests.processes import wait_for

pytestmark = pytest.mark.timeout(420)

HUNGRY = """\
import jax
import jax.numpy as jnp

much = b"x" * (1100 << 20)

def init(key, schema):
    return {"w": jnp.zeros((schema.width, 10))}

def loss(p, x, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(x @ p["w"]), y[:, None], 1)[:, 0]

def predict(p, x):
    return jax.nn.softmax(x @ p["w"])
"""


@pytest.fixture
def cluster(hadoop: Hadoop, digits: Path, tmp_path: Path) -> Cluster:
    """The process cluster with the digits on its HDFS."""
    found = Cluster(hadoop, tmp_path)
    for part in ("train", "test"):
        found.put(digits / part, f"{USER}/digits/{part}")
    return found


def test_more_memory_when_it_was_too_little(cluster: Cluster) -> None:
    """Out of memory at the asked size, the job goes on with a larger one, also where no failure is forgiven.

    The larger container is told by its own index in the command's output, in status and in logs.
    """
    (cluster.folder / "hungry.py").write_text(HUNGRY)
    job = cluster.job("hungry", learner={"path": "hungry.py"}, workers={"count": 1, "memory": "1 GiB"})
    with submitted(cluster, job, "--set", "workers.max_failures=0") as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 240)
        shown = cluster.yarnml("status", run.id).stdout
        logs = cluster.yarnml("logs", run.id, "--role", "worker", "--index", "10000").stdout
        status, out = run.end()
    assert status == 0, out
    assert re.search(r"worker 0 on \S+ took more memory than workers.memory allows.*the next one gets 1.5 GiB", out)
    assert re.search(r"^worker +10000 +RUNNING +127\.0\.0\.\d", shown, re.M), shown
    assert "worker 10000 on 127.0.0." in logs
    after = cluster.yarnml("logs", run.id, "--role", "worker", "--index", "10000").stdout
    assert "worker 10000 on 127.0.0." in after
    assert cluster.left_behind(job) == []


def test_a_node_that_fails_at_the_start_is_avoided(cluster: Cluster) -> None:
    """After two failures at the start on one node, what YARN offers there is given back; after three times it stays.

    The worker is so large that it fits only on the node where the master is not.
    """
    job = cluster.job("bad-node", workers={"count": 1, "memory": "3.5 GiB"})
    job["environment"]["variables"] = {"XLA_FLAGS": "--xla_no_such_flag=1"}
    with submitted(cluster, job) as run:
        status, out = run.end()
    assert status == 1
    bad = re.search(r"worker 1 on (\S+) .*; 2 on \1 and none elsewhere, so new ones keep away from it", out)
    assert bad, out
    for index in (2, 3, 4):
        assert f"worker {index} on {bad[1]} was given back, since that node is avoided" in out
    assert re.search(rf"error: worker 5 on {bad[1]} .*: failure 3, and no process has ever joined\.", out)
    assert cluster.left_behind(job) == []
