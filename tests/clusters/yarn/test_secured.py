"""A cluster with Kerberos and encryption everywhere is used as any other, by whoever has a ticket."""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import families
from tests.applications import CONTAINER, USER, Cluster, submitted
from tests.clusters.yarn.secured import NEEDS_KERBEROS, corner_of_ann, secured_hadoop
from tests.hadoop import SecureHadoop
from tests.hadoop.kerberos import BOB
from tests.processes import wait_for
from yarnml import storage
from yarnml.storage.security import tokens

pytestmark = [
    pytest.mark.cluster("secured"),
    NEEDS_KERBEROS,
]


@pytest.fixture(scope="module")
def secured() -> Iterator[SecureHadoop]:
    with secured_hadoop() as running:
        yield running


@pytest.fixture(scope="module")
def cluster(secured: SecureHadoop, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return corner_of_ann(secured, digits, tmp_path_factory.mktemp("jobs"))


def as_user(cluster: Cluster, variables: Mapping[str, str], *arguments: str) -> str:
    """The one sentence with which a command refuses."""
    corner = Cluster(cluster.hadoop, cluster.folder)
    corner.variables = cluster.variables | variables
    done = corner.yarnml(*arguments)
    assert done.returncode != 0, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_job(cluster: Cluster, secured: SecureHadoop) -> None:
    """Doctor finds all well; a job trains beside its data, exports and leaves its logs.

    Its workers find the token of a NameNode that has a name, their own and not the master's ticket.
    """
    job = cluster.job("secured")
    done = cluster.yarnml("doctor")
    findings = {line.split(": ")[0].split(maxsplit=1)[1]: line for line in done.stdout.splitlines()}
    assert done.returncode == 0, done.stdout
    assert "ann@YARNML.TEST has one until" in findings["Kerberos ticket"]
    assert "3 of 3 nodes are running" in findings["ResourceManager"]
    with submitted(cluster, job) as run:
        status, out = run.end()
        assert status == 0, out
        assert "% of the training bytes were on the host of their worker" in out
        logs = cluster.yarnml("logs", run.id)
        assert "==> worker 1 on 127.0.0." in logs.stdout, logs.stderr
        assert logs.stdout.count("Python 3.") == 2
    web = secured.hadoop.hdfs_web.removeprefix("https")
    assert storage.names(f"swebhdfs{web}{USER}/models/secured") == ["1"]
    assert storage.exists(f"{secured.hadoop.hdfs}{USER}/models/secured/1/model.json")
    assert cluster.left_behind(job) == []


def test_the_owner_and_others(cluster: Cluster, secured: SecureHadoop) -> None:
    """The owner sees and steers a running job; another user is told whose it is.  A lost worker is replaced."""
    job = cluster.endless("watched")
    bob = secured.access.tickets(BOB)
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        rows = {line.split()[0]: line for line in cluster.yarnml("status", "watched").stdout.splitlines() if line}
        assert "RUNNING" in rows["master"]
        assert "==> worker 0 on" in cluster.yarnml("logs", "watched", "--role", "worker").stdout
        assert "is " in as_user(cluster, bob, "logs", run.id)
        assert "and only they can have it scaled" in as_user(cluster, bob, "scale", run.id, "1")
        assert "User bob cannot perform operation MODIFY_APP" in as_user(cluster, bob, "kill", run.id)
        files = list(secured.hadoop.folder.rglob("container_tokens"))
        assert files
        for file in files:
            assert {tokens.HDFS, tokens.RESOURCE_MANAGER} <= {token.kind for token in tokens.parse(file.read_bytes())}
        families.send(cluster.processes(CONTAINER)[:1])
        wait_for("the loss", lambda: "was ended by signal 9 (SIGKILL)" in run.printed())
        wait_for("another", lambda: len(cluster.processes(CONTAINER)) == 2)
        assert "was ended" in cluster.yarnml("kill", "watched").stdout
    assert cluster.left_behind(job) == []


def test_tickets(cluster: Cluster, secured: SecureHadoop, tmp_path: Path) -> None:
    """Without a ticket, with one that has ended, or one that Java can't read, a user is told what to do."""
    for command in (["ls"], ["submit", str(cluster.write(cluster.job("never")))]):
        refusal = as_user(cluster, {"KRB5CCNAME": f"FILE:{tmp_path}/none"}, *command)
        assert "wants a Kerberos ticket" in refusal
        assert refusal.endswith("run kinit.\n")
    refusal = as_user(cluster, {"KRB5CCNAME": "KCM:1000"}, "ls")
    assert f"which Java can't read; run `export KRB5CCNAME=FILE:/tmp/krb5cc_{os.getuid()}` and kinit" in refusal
    secured.access.log_in(BOB, "-l", "1s")
    time.sleep(2)
    refusal = as_user(cluster, secured.access.tickets(BOB), "ls")
    assert "expired" in refusal
    assert refusal.endswith("run kinit.\n")


def test_a_keytab(cluster: Cluster, secured: SecureHadoop, tmp_path: Path) -> None:
    """A service without anybody to type a password logs in by its keytab."""
    corner = Cluster(cluster.hadoop, cluster.folder)
    cache = f"FILE:{tmp_path}/tickets"
    corner.variables = cluster.variables | {
        "KRB5CCNAME": cache,
        "KRB5_CLIENT_KTNAME": f"FILE:{secured.access.keytab(BOB)}",
    }
    done = corner.yarnml("doctor")
    assert done.returncode == 0, done.stdout
    assert "bob@YARNML.TEST has one until" in done.stdout
    assert f"{secured.hadoop.hdfs}/user/bob/.yarnml can be written" in done.stdout
