"""The promises of yarnml on YARN, on a real cluster: the same bits whatever dies, and nothing left behind."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.applications import CONTAINER, LEAD, SKEIN, Cluster, Job, submitted
from tests.environments import Venv
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, model: Callable[[Job], Path]) -> bytes:
    """The parameters of a job of `Cluster.held` that nothing happens to."""
    return (model(cluster.held("undisturbed")) / "model.safetensors").read_bytes()


def bits(cluster: Cluster, job: Job, version: int = 1) -> bytes:
    return cluster.read(f"{job['export']}/{version}/model.safetensors")


def test_a_container_and_the_masters_die(cluster: Cluster, undisturbed: bytes) -> None:
    """SIGKILL of a container: the job goes on in the same attempt, and another one comes.

    SIGKILL of Skein's application master, or of ours alone: the next attempt continues.  The bits stay the same.
    """
    sections = {"master": {"memory": "1 GiB", "attempts": 3}, "reducers": {"count": 1, "memory": "512 MiB"}}
    job = cluster.held("dies", **sections)
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        cluster.processes(CONTAINER)[0].kill()
        wait_for("its loss", lambda: "going on after step" in run.printed(), 180)
        assert cluster.attempts(job["name"]) == 1
        for number, kind in enumerate((SKEIN, LEAD), start=1):
            wait_for("one master", lambda kind=kind: len(cluster.processes(kind)) == 1)
            cluster.processes(kind)[0].kill()
            wait_for("the next attempt", lambda n=number: run.printed().count("continuing after step") == n, 180)
        cluster.let_go(job)
        status, out = run.end()
    assert status == 0, out
    assert re.search(r"lost: (worker|reducer) \d .*failure 1 of at most 10", out)
    assert cluster.attempts(job["name"]) == 3
    assert bits(cluster, job) == undisturbed
    assert cluster.left_behind(job) == []


@pytest.mark.breadth
def test_a_host_is_lost(cluster: Cluster, undisturbed: bytes) -> None:
    """The power of a worker's host is cut, DataNode and NodeManager with it: the others go on, to the same bits."""
    job = cluster.held("host-lost", workers={"count": 3, "memory": "2 GiB"})  # no two on one host
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        host = min(cluster.hosts(CONTAINER) - cluster.hosts(LEAD))
        cluster.hadoop.kill_host(host)
        cluster.let_go(job)
        try:
            status, out = run.end()
        finally:
            cluster.hadoop.start_host(host)
            cluster.hadoop.wait_until_ready()
    assert status == 0, out
    assert "going on after step" in out
    assert cluster.attempts(job["name"]) == 1
    assert bits(cluster, job) == undisturbed
    assert cluster.left_behind(job) == []


@pytest.mark.breadth
def test_a_crash_loop_stops(cluster: Cluster) -> None:
    """A model that ends its process is tried workers.max_failures times more, then the cause is told once."""
    (cluster.folder / "crash.py").write_text(
        "import os, sys\n"
        "def init(key, schema):\n    print('this is my last word', file=sys.stderr, flush=True)\n    os._exit(3)\n"
        "def loss(p, x, y): return x\n"
        "def predict(p, x): return x\n"
    )
    job = cluster.job("crash", learner={"path": "crash.py"}, workers={"count": 1, "memory": "1 GiB"})
    with submitted(cluster, job, "--set", "workers.max_failures=1") as run:
        status, out = run.end()
    assert status == 1
    assert "failure 2, with workers.max_failures 1" in out
    assert "this is my last word" in out
    assert cluster.application("crash")["finalStatus"] == "FAILED"
    assert "workers.max_failures" in cluster.application("crash")["diagnostics"]
    assert cluster.left_behind(job) == []


def test_a_users_error_is_told_once(cluster: Cluster) -> None:
    """An exception in the model is shown with its traceback, not tried again, and is what YARN's pages show."""
    (cluster.folder / "wrong.py").write_text(
        "import jax.numpy as jnp\n"
        "def init(key, schema): return {'w': jnp.zeros(schema.width)}\n"
        "def loss(p, x, y): raise KeyError('no such thing')\n"
        "def predict(p, x): return x @ p['w']\n"
    )
    job = cluster.job("wrong", learner={"path": "wrong.py"}, data=cluster.job("x")["data"] | {"label_type": "number"})
    with submitted(cluster, job) as run:
        status, out = run.end()
    assert status == 1
    assert out.count("error:") == 1
    assert "wrong.py" in out
    assert "no such thing" in out
    application = cluster.application("wrong")
    assert (application["state"], application["finalStatus"]) == ("FINISHED", "FAILED")
    assert "no such thing" in application["diagnostics"]
    assert cluster.left_behind(job) == []


@pytest.mark.breadth  # a first submit on containers is part of make test-docker
def test_the_active_environment_travels_once(cluster: Cluster, model: Callable[[Job], Path], tmp_path: Path) -> None:
    """Without environment.python the active one is packed; the second job finds it on HDFS."""
    job = cluster.job("packed", environment={}, workers={"count": 1, "memory": "1 GiB"})  # few nodes to unpack it on
    venv = Venv(tmp_path / "venv")
    venv.install_yarnml()
    with submitted(cluster, job, python=venv.python) as run:
        status, out = run.end(400)
    assert status == 0, out
    assert "Packed the environment" in out
    assert "Packed JAX of the environment" in out  # which the master's container does without
    assert bits(cluster, job) == (model(job) / "model.safetensors").read_bytes()
    with submitted(cluster, job, "--restart", "--detach", python=venv.python) as run:
        status, out = run.end()
        cluster.yarnml("kill", run.id)
    assert status == 0, out
    assert "Packed" not in out
