"""Replacements of a container on a real cluster: with more memory, or on another node than a bad one."""

import re
from pathlib import Path

import pytest

from tests.applications import Cluster, submitted
from tests.processes import wait_for
from yarnml.job import paths

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]

STEPS = 6  # of an epoch

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

PICKY = "import os\n\nif os.environ.get('NM_HOST') == '127.0.0.2':\n    os._exit(3)\n" + HUNGRY.replace(
    "1100 << 20", "1"
)


@pytest.mark.faults
def test_more_memory_when_it_was_too_little(cluster: Cluster) -> None:
    """Out of memory at the asked size, the job goes on with a larger one, also where no failure is forgiven.

    The larger container is told by its own index in the command's output, in status and in logs.
    """
    (cluster.folder / "hungry.py").write_text(HUNGRY)
    job = cluster.job("hungry", learner={"path": "hungry.py"}, workers={"count": 1, "memory": "1 GiB"})
    job["training"] = job["training"] | {"epochs": 100_000}
    with submitted(cluster, job, "--set", "workers.max_failures=0") as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 240)
        shown = cluster.yarnml("status", run.id).stdout
        logs = cluster.yarnml("logs", run.id, "--role", "worker", "--index", "10000").stdout
        killed = cluster.yarnml("kill", run.id)
        _, out = run.end()
    assert killed.returncode == 0, killed.stderr
    assert re.search(r"worker 0 on \S+ took more memory than workers.memory allows.*the next one gets 1.5 GiB", out)
    assert re.search(r"^worker +10000 +RUNNING +127\.0\.0\.\d", shown, re.M), shown
    assert "worker 10000 on 127.0.0." in logs
    after = cluster.yarnml("logs", run.id, "--role", "worker", "--index", "10000").stdout
    assert "worker 10000 on 127.0.0." in after
    assert cluster.left_behind(job) == []


@pytest.mark.faults
def test_a_bad_node_is_avoided(cluster: Cluster) -> None:
    """After three failures on one node and none elsewhere, what YARN offers there is given back, three times.

    The workers are so large that two never share a node.  Meanwhile the worker on the other node trains.
    """
    (cluster.folder / "picky.py").write_text(PICKY)
    workers = {"count": 2, "memory": "2.5 GiB", "max_failures": 50}
    job = cluster.job("bad-node", learner={"path": "picky.py"}, workers=workers)
    job["training"] = job["training"] | {"epochs": 100_000}
    with submitted(cluster, job) as run:
        wait_for("the decision", lambda: "so new ones keep away from it" in run.printed(), 180)
        wait_for("the containers", lambda: run.printed().count("was given back") == 3, 120)
        reached = max(cluster.steps(job), default=0)
        wait_for("a checkpoint of the other worker", lambda: max(cluster.steps(job), default=0) > reached, 120)
        killed = cluster.yarnml("kill", run.id)
        _, out = run.end()
    assert killed.returncode == 0, killed.stderr
    assert re.search(r"worker \d+ on 127\.0\.0\.2 .*; 3 on 127\.0\.0\.2 and none elsewhere", out), out
    assert not re.search(r"lost: worker \d+ on 127\.0\.0\.[34]", out)


def test_another_size(cluster: Cluster) -> None:
    """A job grows to workers.max while there is room; `yarnml scale` changes that in a step; the bits stay."""
    job = cluster.endless("size", workers={"count": 1, "max": 3, "memory": "512 MiB"})
    with submitted(cluster, job) as run:
        wait_for("its growth", lambda: re.search(r"going on after step \d+ with 3 workers", run.printed()), 180)
        refused = cluster.yarnml("scale", run.id, "4")
        accepted = cluster.yarnml("scale", run.id, "2")
        wait_for("two workers", lambda: "2 workers" in run.printed().splitlines()[-1], 120)
        reached = max(cluster.steps(job), default=0)
        wait_for("a later checkpoint", lambda: max(cluster.steps(job), default=0) > reached + STEPS, 120)
        killed = cluster.yarnml("kill", run.id)
        _, out = run.end()
    assert killed.returncode == 0, killed.stderr
    assert "3 workers are wanted, not 1: the cluster has room" in out
    assert refused.returncode == 2
    assert "cut into 3 shards" in refused.stderr
    assert re.search("2 workers wanted, [23] here", accepted.stdout)  # who is let go may be gone by then
    assert "continuing after step" not in out
    step = max(cluster.steps(job))
    local = cluster.folder / "local"
    epochs = step // STEPS
    alone = job | {"name": "alone", "checkpoint": {"path": str(local), "every": f"{epochs} epochs"}, "export": None}
    alone["training"] = job["training"] | {"epochs": epochs}
    done = cluster.yarnml("run", cluster.write(alone), "--backend", "inline")
    assert done.returncode == 0, done.stderr
    distributed = cluster.read(paths.checkpoint(job["checkpoint"]["path"], step) + "/state.safetensors")
    assert distributed == Path(paths.checkpoint(str(local), step), "state.safetensors").read_bytes()
    assert cluster.left_behind(job) == []
