"""A cluster with Kerberos and encryption everywhere is used as any other, by whoever has a ticket."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import families
from tests.applications import CONTAINER, OWNER, USER, Cluster, submitted
from tests.clusters.yarn.secured import NEEDS_KERBEROS, corner_of_ann, secured_hadoop
from tests.hadoop import SecureHadoop
from tests.hadoop.kerberos import BOB, CAROL, SERVICE
from tests.processes import wait_for
from yarnml import storage
from yarnml.storage.security import tokens

pytestmark = [
    pytest.mark.cluster("secured"),
    pytest.mark.timeout(600),
    NEEDS_KERBEROS,
]


@pytest.fixture(scope="module")
def secured() -> Iterator[SecureHadoop]:
    with secured_hadoop() as running:
        yield running


@pytest.fixture(scope="module")
def cluster(secured: SecureHadoop, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return corner_of_ann(secured, digits, tmp_path_factory.mktemp("jobs"))


def corner_of(cluster: Cluster, variables: Mapping[str, str]) -> Cluster:
    """The corner of somebody else, who has these variables."""
    corner = Cluster(cluster.hadoop, cluster.folder)
    corner.variables = cluster.variables | variables
    return corner


def refusal(cluster: Cluster, variables: Mapping[str, str], *arguments: str) -> str:
    """The one sentence with which a command refuses."""
    done = corner_of(cluster, variables).yarnml(*arguments)
    assert done.returncode != 0, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def following(corner: Cluster, application: str) -> "subprocess.Popen[str]":
    """``yarnml attach`` in the background."""
    line = [sys.executable, "-m", "yarnml", "attach", application]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=corner.variables)


def test_a_job(cluster: Cluster, secured: SecureHadoop) -> None:
    """Doctor finds all well; a job trains beside its data, exports and leaves its logs.

    Its workers find the token of a NameNode that has a name, their own and not the master's ticket.  A service submits
    it in the name of its user, twice: what is done is not done again.
    """
    job = cluster.job("secured")
    done = cluster.yarnml("doctor")
    findings = {line.split(": ")[0].split(maxsplit=1)[1]: line for line in done.stdout.splitlines()}
    assert done.returncode == 0, done.stdout
    assert "ann@YARNML.TEST has one until" in findings["Kerberos ticket"]
    assert "3 of 3 nodes are running" in findings["ResourceManager"]
    assert "without a keytab a job can run until" in findings["delegation tokens"]
    service = corner_of(cluster, secured.access.tickets(SERVICE))
    for_ann = ("--proxy-user", OWNER, "--unless-running")
    with submitted(service, job, *for_ann) as run:
        status, out = run.end()
        assert status == 0, out
        assert f"airflow@YARNML.TEST, in the name of {OWNER}, submitted this job" in out
        assert cluster.application("secured")["user"] == OWNER
        assert "% of the training bytes were on the host of their worker" in out
        logs = cluster.yarnml("logs", run.id)
        assert "==> worker 1 on 127.0.0." in logs.stdout, logs.stderr
        assert logs.stdout.count("Python 3.") == 2
    again = service.yarnml("submit", service.write(job), *for_ann)
    assert (again.returncode, "had finished before" in again.stdout) == (0, True), again.stderr
    assert "must allow it" in refusal(service, {"HADOOP_PROXY_USER": CAROL}, "submit", str(service.write(job)))
    web = secured.hadoop.hdfs_web.removeprefix("https")
    assert storage.names(f"swebhdfs{web}{USER}/models/secured") == ["1"]
    assert storage.exists(f"{secured.hadoop.hdfs}{USER}/models/secured/1/model.json")
    assert cluster.left_behind(job) == []


def test_the_owner_and_others(cluster: Cluster, secured: SecureHadoop) -> None:
    """The owner sees and steers a running job; whom acls.view names looks on; another user is told whose it is.

    A lost worker is replaced, and its signal is told.
    """
    job = cluster.endless("watched", acls={"view": [BOB]})
    bob, carol = (secured.access.tickets(user) for user in (BOB, CAROL))
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        rows = {line.split()[0]: line for line in cluster.yarnml("status", "watched").stdout.splitlines() if line}
        assert "RUNNING" in rows["master"]
        assert "==> worker 0 on" in cluster.yarnml("logs", "watched", "--role", "worker").stdout
        assert "ann@YARNML.TEST submitted this job" in run.printed()
        viewer = corner_of(cluster, bob)
        status = viewer.yarnml("status", run.id).stdout
        assert "training     round" in status
        assert "worker  0      RUNNING" in status
        assert "==> worker 0 on" in viewer.yarnml("logs", run.id, "--role", "worker").stdout
        assert "and only they can have it scaled" in refusal(cluster, bob, "scale", run.id, "1")
        assert "User bob cannot perform operation MODIFY_APP" in refusal(cluster, bob, "kill", run.id)
        assert "and YARN gives you no log of any process of it; ask them" in refusal(cluster, carol, "logs", run.id)
        assert "and only they and whom its acls.view names can follow it" in refusal(cluster, carol, "attach", run.id)
        assert "training" not in corner_of(cluster, carol).yarnml("status", run.id).stdout
        attached = following(viewer, run.id)
        files = list(secured.hadoop.folder.rglob("container_tokens"))
        assert files
        for file in files:
            assert {tokens.HDFS, tokens.RESOURCE_MANAGER} <= {token.kind for token in tokens.parse(file.read_bytes())}
        families.send(cluster.processes(CONTAINER)[:1])
        wait_for("the loss", lambda: "was ended by signal 9 (SIGKILL)" in run.printed())
        wait_for("another", lambda: len(cluster.processes(CONTAINER)) == 2)
        assert "was ended" in cluster.yarnml("kill", "watched").stdout
        shown, _ = attached.communicate(timeout=60)
    assert attached.returncode == 1
    assert "epoch " in shown
    assert "was ended by signal 9 (SIGKILL)" in shown
    assert f"{run.id} was killed. Application {run.id} was killed by user {OWNER}" in shown
    assert cluster.left_behind(job) == []


def test_tickets(cluster: Cluster, secured: SecureHadoop, tmp_path: Path) -> None:
    """Without a ticket, with one that has ended, or one that Java can't read, a user is told what to do."""
    for command in (["ls"], ["submit", str(cluster.write(cluster.job("never")))]):
        sentence = refusal(cluster, {"KRB5CCNAME": f"FILE:{tmp_path}/none"}, *command)
        assert "wants a Kerberos ticket" in sentence
        assert sentence.endswith("run kinit.\n")
    sentence = refusal(cluster, {"KRB5CCNAME": "KCM:1000"}, "ls")
    assert f"which Java can't read; run `export KRB5CCNAME=FILE:/tmp/krb5cc_{os.getuid()}` and kinit" in sentence
    secured.access.log_in(BOB, "-l", "1s")
    time.sleep(2)
    sentence = refusal(cluster, secured.access.tickets(BOB), "ls")
    assert "expired" in sentence
    assert sentence.endswith("run kinit.\n")


def test_a_keytab(cluster: Cluster, secured: SecureHadoop, tmp_path: Path) -> None:
    """A service without anybody to type a password logs in by its keytab."""
    keytab = f"FILE:{secured.access.keytab(BOB)}"
    corner = corner_of(cluster, {"KRB5CCNAME": f"FILE:{tmp_path}/tickets", "KRB5_CLIENT_KTNAME": keytab})
    done = corner.yarnml("doctor")
    assert done.returncode == 0, done.stdout
    assert "bob@YARNML.TEST has one until" in done.stdout
    assert f"{secured.hadoop.hdfs}/user/bob/.yarnml can be written" in done.stdout
