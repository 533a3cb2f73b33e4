"""A cluster with Kerberos and encryption everywhere is used as any other, by whoever has a ticket."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests import families
from tests.applications import CONTAINER, OWNER, USER, Cluster, submitted
from tests.clusters.yarn.secured import NEEDS_KERBEROS, corner_of_ann, secured_hadoop
from tests.hadoop import HOSTS, SecureHadoop
from tests.hadoop.configuration import free_address, read, write
from tests.hadoop.kerberos import ANALYSTS, ANN, BOB, CAROL, DAVE, ERIN, SERVICE
from tests.processes import wait_for
from yarnml import storage
from yarnml.clusters.yarn.application import EVENTS_PAGE
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.edge.security import KEY_PROVIDER, WebServices, check_key_provider, check_truststore
from yarnml.errors import ClusterError
from yarnml.storage import hadoop_config
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security import tokens
from yarnml.storage.security.truststore import AUTHORITIES

TICKET_SECONDS = 45
"""The life of a ticket that ends while it is used."""

pytestmark = [
    pytest.mark.cluster("secured"),
    pytest.mark.timeout(600),
    NEEDS_KERBEROS,
]


@pytest.fixture(scope="module")
def secured() -> Iterator[SecureHadoop]:
    with secured_hadoop(hosts=HOSTS[:1]) as running:
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


def following(corner: Cluster, *arguments: str) -> "subprocess.Popen[str]":
    """``yarnml …`` in the background."""
    line = [sys.executable, "-m", "yarnml", *arguments]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=corner.variables)


def until(lines: Iterable[str], words: str) -> None:
    """Read what a command prints until it has said something."""
    read = []
    for line in lines:
        read.append(line)
        if words in line:
            return
    raise AssertionError(f"it ended without '{words}':\n{''.join(read)}")


def page_status(corner: Cluster, application: str) -> str:
    """The status with which YARN's proxy answers a user who asks for one of Skein's pages of an application."""
    line = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--negotiate", "--user", ":"]
    line += ["--cacert", f"{corner.hadoop.folder}/tls/ca.pem"]
    line += [f"{corner.hadoop.web}/proxy/{application}/pages/{EVENTS_PAGE}"]
    return subprocess.run(line, env=corner.variables, capture_output=True, text=True, timeout=60).stdout


def reads(corner: Cluster, url: str) -> bool:
    """Tell whether a user can read a file on HDFS."""
    line = [sys.executable, "-c", "import sys; from yarnml import storage; storage.read(sys.argv[1])", url]
    return subprocess.run(line, env=corner.variables, capture_output=True, timeout=60).returncode == 0


def test_a_job(cluster: Cluster, secured: SecureHadoop) -> None:
    """Doctor finds all well; a job trains beside its data, exports and leaves its logs.

    Its workers find the token of a NameNode that URLs have by name, by address and by its web service, their own and
    not the master's ticket.  A service submits it in the name of its user, twice: what is done is not done again.  Its
    checkpoints are in an encryption zone, whose key a ticket gets from a server that only the truststore vouches for.
    What it writes is for its user alone, by the umask, but for whom a default ACL names.
    """
    zone = f"{USER}/zone"
    secured.make_zone(zone, OWNER)
    secured.hadoop.webhdfs(f"{USER}/models", "MKDIRS&permission=711", "PUT")
    secured.hadoop.webhdfs(f"{USER}/models", f"SETOWNER&owner={OWNER}", "PUT")
    secured.hadoop.webhdfs(f"{USER}/models", f"MODIFYACLENTRIES&aclspec=default:user:{BOB}:r-x", "PUT")
    web = secured.hadoop.hdfs_web.removeprefix("https")
    job = cluster.job("secured", checkpoint={"path": f"swebhdfs{web}{zone}/job", "every": "20 epochs", "keep": 2})
    assert "//localhost:" in job["data"]["test"]
    job["data"]["test"] = job["data"]["test"].replace("//localhost:", "//127.0.0.1:")
    lost = cluster.job("secured", checkpoint={"path": f"{secured.hadoop.hdfs}{zone}/job"})
    assert f"; write swebhdfs{web}{zone}/job.\n" in refusal(cluster, {}, "submit", str(cluster.write(lost)))
    done = cluster.yarnml("doctor")
    findings = {line.split(": ")[0].split(maxsplit=1)[1]: line for line in done.stdout.splitlines()}
    assert done.returncode == 0, done.stdout
    assert "ann@YARNML.TEST has one until" in findings["Kerberos ticket"]
    assert "1 of 1 nodes are running" in findings["ResourceManager"]
    assert "without a keytab a job can run until" in findings["delegation tokens"]
    assert "truststore.p12, 1 certificate" in findings["truststore"]
    assert findings["web services"].count("asks for a ticket") == 2
    assert "this machine's agrees with those of the KDC, the NameNode https://" in findings["clocks"]
    assert "kms://https@localhost:" in findings["key provider"]
    assert "RPC is protected by privacy, data by privacy with AES" in findings["encryption"]
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
    assert storage.names(f"swebhdfs{web}{USER}/models/secured") == ["1"]
    model = f"{secured.hadoop.hdfs}{USER}/models/secured/1/model.json"
    assert [reads(corner_of(cluster, secured.access.tickets(user)), model) for user in (BOB, CAROL)] == [True, False]
    written = secured.hadoop.webhdfs(f"{zone}/job", "GETFILESTATUS")["FileStatus"]
    assert (written["permission"], written["encBit"]) == ("700", True)
    assert storage.read(f"{secured.hadoop.hdfs}{zone}/job/outcome.json").startswith(b"{")
    assert cluster.left_behind(lost) == []


def test_the_owner_and_others(cluster: Cluster, secured: SecureHadoop, tmp_path: Path) -> None:
    """The owner sees and steers a running job; whom its acls name looks on, or ends it; another is told whose it is.

    A lost worker is replaced, and its signal is told.  Who watches it and lost the ticket goes on with
    another.
    """
    acls = {"view": [BOB, f"group:{ANALYSTS}"], "modify": [CAROL], "ui": [ERIN]}
    job = cluster.endless("watched", acls=acls)
    bob, carol, dave, erin, service = map(secured.access.tickets, (BOB, CAROL, DAVE, ERIN, SERVICE))
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        secured.access.log_in(ANN, "-l", f"{TICKET_SECONDS}s", cache=tmp_path / "brief")
        ticket_end = time.monotonic() + TICKET_SECONDS
        brief = corner_of(cluster, {"KRB5CCNAME": f"FILE:{tmp_path}/brief"})
        watching = following(brief, "submit", str(cluster.write(job)), "--unless-running", "--keep-alive", "1")
        rows = {line.split()[0]: line for line in cluster.yarnml("status", "watched").stdout.splitlines() if line}
        assert "RUNNING" in rows["master"]
        assert "ann@YARNML.TEST submitted this job" in run.printed()
        viewer = corner_of(cluster, bob)
        status = viewer.yarnml("status", run.id).stdout
        assert "training     round" in status
        assert "worker  0      RUNNING" in status
        assert "==> worker 0 on" in viewer.yarnml("logs", run.id, "--role", "worker").stdout
        assert "and only they can have it scaled" in refusal(cluster, bob, "scale", run.id, "1")
        assert "==> master 1 on" in corner_of(cluster, dave).yarnml("logs", run.id).stdout
        assert "and YARN gives you no log of any process of it; ask them" in refusal(cluster, carol, "logs", run.id)
        assert "and only they and whom its acls.view names can follow it" in refusal(cluster, service, "attach", run.id)
        assert "training" not in corner_of(cluster, carol).yarnml("status", run.id).stdout
        pages = [page_status(corner_of(cluster, user), run.id) for user in ({}, bob, erin, carol, dave, service)]
        assert pages == ["200", "200", "200", "403", "403", "403"]
        attached = following(viewer, "attach", run.id)
        files = list(secured.hadoop.folder.rglob("container_tokens"))
        assert files
        for file in files:
            assert {tokens.HDFS, tokens.RESOURCE_MANAGER} <= {token.kind for token in tokens.parse(file.read_bytes())}
        families.send(cluster.processes(CONTAINER)[:1])
        wait_for("the loss", lambda: "was ended by signal 9 (SIGKILL)" in run.printed())
        wait_for("another", lambda: len(cluster.processes(CONTAINER)) == 2)
        time.sleep(max(0.0, ticket_end - time.monotonic()))
        assert "was ended" in corner_of(cluster, carol).yarnml("kill", run.id).stdout
        shown, _ = attached.communicate(timeout=60)
        assert watching.stdout
        until(watching.stdout, "Waiting for a ticket; run kinit.")
        secured.access.log_in(ANN, cache=tmp_path / "brief")
        end = watching.stdout.read()
        watching.stdout.close()
    assert watching.wait() == 1
    assert f"was killed by user {CAROL}" in end
    assert "submitting it again" not in end
    assert attached.returncode == 1
    assert "epoch " in shown
    assert "was ended by signal 9 (SIGKILL)" in shown
    assert f"{run.id} was killed. Application {run.id} was killed by user {CAROL}" in shown


def test_no_ticket(cluster: Cluster, tmp_path: Path) -> None:
    """A user without a ticket is told what to do; `tests/storage/security/test_tickets.py` has the other sentences."""
    for command in (["ls"], ["submit", str(cluster.write(cluster.job("never")))]):
        sentence = refusal(cluster, {"KRB5CCNAME": f"FILE:{tmp_path}/none"}, *command)
        assert "wants a Kerberos ticket" in sentence
        assert sentence.endswith("run kinit.\n")


def test_web_services(secured: SecureHadoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor asks the first that answers; a certificate of an unknown authority is told with what to do."""
    folder = Path(shutil.copytree(secured.hadoop.conf_dir, tmp_path / "conf"))
    (folder / "ssl-client.xml").unlink()
    monkeypatch.setenv("HADOOP_CONF_DIR", str(folder))
    monkeypatch.delenv(AUTHORITIES, raising=False)  # which has the cluster's since this process has used hdfs-native
    settings = hadoop_config.configuration()
    assert check_truststore(settings).startswith("ssl-client.xml names none")
    with pytest.raises(ClusterError, match=r"of the NameNode https://.* is not trusted: .*; have its authority in the"):
        WebServices(settings).check()
    away = f"https://{free_address('127.0.0.1')}"
    managers = {"yarn.resourcemanager.webapp.https.address": away.removeprefix("https://")}
    write(folder / "yarn-site.xml", read(folder / "yarn-site.xml") | managers)
    shutil.copy(secured.hadoop.conf_dir / "ssl-client.xml", folder)
    with pytest.raises(UnknownToYarn, match=rf"the web service of no ResourceManager answers us \({away}: .*refused"):
        WebServices(hadoop_config.configuration()).check()
    with pytest.raises(ClusterError, match="no key server can be reached"):
        check_key_provider(Configuration(None, {KEY_PROVIDER: f"kms://https@{away.removeprefix('https://')}/kms"}))


def test_a_keytab(cluster: Cluster, secured: SecureHadoop, tmp_path: Path) -> None:
    """A service without anybody to type a password logs in by its keytab."""
    keytab = f"FILE:{secured.access.keytab(BOB)}"
    corner = corner_of(cluster, {"KRB5CCNAME": f"FILE:{tmp_path}/tickets", "KRB5_CLIENT_KTNAME": keytab})
    done = corner.yarnml("doctor")
    assert done.returncode == 0, done.stdout
    assert "bob@YARNML.TEST has one until" in done.stdout
    assert f"{secured.hadoop.hdfs}/user/bob/.yarnml can be written" in done.stdout
