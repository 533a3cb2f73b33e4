"""A job with a keytab lives longer than the delegation tokens that it was submitted with."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import families
from tests.applications import CONTAINER, Cluster, submitted
from tests.clusters.yarn.secured import NEEDS_KERBEROS, corner_of_ann, secured_hadoop
from tests.hadoop import SecureHadoop
from tests.hadoop.kerberos import ANN
from tests.processes import wait_for
from yarnml import storage

TOKEN_SECONDS = 150

pytestmark = [
    pytest.mark.cluster("secured"),
    pytest.mark.faults,
    pytest.mark.timeout(900),
    NEEDS_KERBEROS,
]


@pytest.fixture(scope="module")
def secured() -> Iterator[SecureHadoop]:
    """A secured cluster whose tokens live for minutes."""
    with secured_hadoop(TOKEN_SECONDS) as running:
        yield running


@pytest.fixture(scope="module")
def cluster(secured: SecureHadoop, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return corner_of_ann(secured, digits, tmp_path_factory.mktemp("jobs"))


def test_after_the_end_of_its_tokens(cluster: Cluster, secured: SecureHadoop) -> None:
    """A worker that starts anew and a NameNode that starts anew meet tokens that are good; the job ends well.

    The keytab is in the master's container alone, and nowhere once the job is over.
    """
    job = cluster.held("outliving")
    job["training"] |= {"epochs": 1500}
    job["checkpoint"] |= {"every": "5 epochs"}
    login = ("--keytab", str(secured.access.keytab(ANN)), "--principal", ANN)
    with submitted(cluster, job, *login) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 240)
        assert len(list(secured.hadoop.folder.glob("hosts/*/local/**/container_*/yarnml.keytab"))) == 1
        time.sleep(TOKEN_SECONDS)
        secured.hadoop.kill("namenode")
        secured.hadoop.start("namenode")
        families.send(cluster.processes(CONTAINER)[:1])
        wait_for("the loss", lambda: "lost: worker" in run.printed(), 120)
        secured.hadoop.wait_until_ready()
        wait_for("another", lambda: len(cluster.processes(CONTAINER)) == 2, 120)
        before = cluster.steps(job)
        wait_for("another checkpoint", lambda: cluster.steps(job) != before, 240)
        cluster.let_go(job)
        status, out = run.end(400)
    assert status == 0, out
    assert "No new delegation tokens" not in cluster.yarnml("logs", run.id).stdout
    assert cluster.left_behind(job) == []
    assert list(secured.hadoop.folder.glob("hosts/**/*.keytab")) == []


def test_kept_alive(cluster: Cluster, secured: SecureHadoop) -> None:
    """Without a keytab it is told when its tokens end, stops before, and is submitted again, to the same bits."""
    job = cluster.held("kept-alive")
    job["training"] |= {"epochs": 60}
    job["checkpoint"] |= {"every": "1000 epochs"}
    with submitted(cluster, job, "--keep-alive", "2") as run:
        wait_for("the second application", lambda: "continuing after step" in run.printed(), 400)
        cluster.let_go(job)
        status, out = run.end(400)
    assert status == 0, out
    assert "without a keytab a job can run until" in out
    assert "warning: the job's delegation tokens end at" in out
    assert "is kept; submit the job again, and it goes on.\nsubmitting it again, 1 of 2 times" in out
    assert "lost:" not in out
    again = job | {
        "name": "kept-alive-alone",
        "checkpoint": {"path": f"{cluster.folder}/alone"},
        "export": f"{cluster.folder}/m",
    }
    done = cluster.yarnml("run", cluster.write(again), "--backend", "inline")
    assert done.returncode == 0, done.stderr
    on_hdfs = storage.read(f"{job['export']}/1/model.safetensors")
    assert on_hdfs == storage.read(f"{again['export']}/1/model.safetensors")
