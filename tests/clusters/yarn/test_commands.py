"""Commands for a job on YARN after `submit`, the real ones on a real cluster."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests import families
from tests.applications import CONTAINER, OWNER, USER, Cluster
from tests.clusters.yarn.secrets import (
    SECRET,
    SECRET_FILES,
    check_environment,
    kept_on_the_edge_node,
    places_of_secret,
    staged_openly,
)
from tests.clusters.yarn.secured import used
from tests.clusters.yarn.strangers import check_that_they_are_refused
from tests.clusters.yarn.submission import ID, Sent, submit
from tests.hadoop import GPU_HOST
from tests.processes import wait_for
from yarnml.events.events import Failure
from yarnml.watch.history.pieces import HistoryReader

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


@pytest.fixture(scope="module")
def running(cluster: Cluster) -> Iterator[Sent]:
    """An endless job, sent with --detach, once it has written a checkpoint.

    It has a reducer, and its workers want a node label.
    """
    workers = {"count": 2, "memory": "1 GiB", "node_label": "gpu"}
    job = cluster.endless("running", workers=workers, reducers={"count": 1, "memory": "512 MiB"})
    job["environment"] = job["environment"] | {"variables": {"VAULT_KEY": SECRET}}
    sent = submit(cluster, job, "--detach")
    wait_for("a checkpoint", lambda: cluster.steps(job), 180)
    yield sent
    cluster.end(sent.id)


@pytest.fixture(scope="module")
def status(cluster: Cluster, running: Sent) -> str:
    """The status of the running job, in JSON."""
    done = cluster.yarnml("status", running.id, "--json")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def logs(cluster: Cluster, running: Sent) -> str:
    """The logs of all processes of the running job."""
    return cluster.yarnml("logs", running.id).stdout


@pytest.fixture(scope="module")
def killed(cluster: Cluster, running: Sent) -> "subprocess.CompletedProcess[str]":
    """The ended command `yarnml kill`, given to the running job."""
    return cluster.yarnml("kill", "running")


def test_a_dry_run_changes_nothing(cluster: Cluster) -> None:
    """The application is printed as Skein would take it, for people; nothing is packed, stored or sent."""
    before = cluster.files(USER), cluster.hadoop.rest("/apps")
    done = cluster.yarnml("submit", cluster.write(cluster.job("dry", environment={})), "--dry-run", "--restart")
    assert done.returncode == 0, done.stderr
    application = yaml.safe_load(done.stdout)
    assert application["services"]["worker"]["instances"] == 2
    assert "environments/" in application["master"]["files"]["environment.zip"]["source"]
    assert re.search(r"^ +script: \|\n +\S", done.stdout, re.M)
    assert "&id" not in done.stdout
    assert (cluster.files(USER), cluster.hadoop.rest("/apps")) == before


def test_detached(cluster: Cluster, running: Sent) -> None:
    """The command ends at once, with the id and the place where the application is shown; the job goes on."""
    assert running.status == 0, running.out
    assert re.search(rf"{running.id} +http://\S+", running.out)
    assert f"`yarnml top {running.id}`" in running.out
    assert f"its history is in {running.job['checkpoint']['path']}." in running.out
    assert cluster.application("running")["state"] == "RUNNING"


def test_the_status_of_a_running_job(cluster: Cluster, running: Sent, status: str) -> None:
    """Round, step, loss, metrics and every container with its host; the same in JSON, and on a screen."""
    done = cluster.yarnml("status", "running")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^state +RUNNING$", done.stdout, re.M)
    assert re.search(r"^training +round \d+, step \d+/600000, loss \S+, 2 workers$", done.stdout, re.M)
    assert re.search(r"^epoch +\d+/100000  loss \S+, accuracy \S+$", done.stdout, re.M)
    containers = re.findall(r"^(\w+) +(\d) +RUNNING +(127\.0\.0\.\d) +container_\w+$", done.stdout, re.M)
    assert [row[:2] for row in containers] == [("master", "1"), ("reducer", "0"), ("worker", "0"), ("worker", "1")]
    same = json.loads(status)
    assert same["application"]["state"] == "RUNNING"
    assert same["training"]["epoch"] > 0
    assert {c["host"] for c in same["containers"]} <= set(cluster.hadoop.hosts)
    top = ("top", "running", "--once")  # a worker's first measurements may be to come
    assert re.search(r"^running  running  \d", cluster.yarnml(*top).stdout)
    wait_for("worker 1", lambda: re.search(r"^worker 1 +127\.0\.0\.\d", cluster.yarnml(*top).stdout, re.M))


def test_roles_keep_to_their_nodes(cluster: Cluster, running: Sent) -> None:
    """Workers go to the nodes of their label; the master and reducers of their own never do."""
    names = {p.pid: families.variables(p).get("SKEIN_CONTAINER_ID", "master") for p in cluster.processes(CONTAINER)}
    labelled = {names[p.pid] for p in cluster.hadoop.containers(GPU_HOST) if p.pid in names}
    assert sorted(names.values()) == ["reducer_0", "worker_0", "worker_1"], running.id
    assert labelled == {"worker_0", "worker_1"}


def test_code_is_unpacked_once_on_a_node(cluster: Cluster, running: Sent) -> None:
    """The code that travels lies unpacked beside the archive, where the next job finds it."""
    unpacked = cluster.hadoop.folder.glob("hosts/*/local/usercache/*/filecache/*/*/own/walks_running.py")
    hosts = [path.relative_to(cluster.hadoop.folder).parts[1] for path in unpacked]
    assert hosts, running.out
    assert len(hosts) == len(set(hosts))


def test_strangers_are_refused(cluster: Cluster, running: Sent) -> None:
    """Every port of a job's processes wants the application's own certificate."""
    assert cluster.application(running.job["name"])["state"] == "RUNNING"
    check_that_they_are_refused(cluster)


def test_attached_and_detached_by_ctrl_c(cluster: Cluster, running: Sent) -> None:
    """Whoever attaches sees the job as `submit` shows it; Ctrl-C ends that alone, and says how to come back."""
    output = cluster.folder / "attach.out"
    with output.open("w") as out:
        line = [sys.executable, "-m", "yarnml", "attach", "running"]
        popen = subprocess.Popen(line, stdout=out, stderr=subprocess.STDOUT, env=cluster.variables)
        wait_for("an epoch", lambda: "training loss" in output.read_text() or popen.poll() is not None)
        popen.send_signal(signal.SIGINT)
        assert popen.wait(60) == 130, output.read_text()
    assert f"{running.id} goes on" in output.read_text()
    assert f"yarnml attach {running.id}" in output.read_text()
    assert "training rows" in output.read_text() or "train rows" in output.read_text()
    assert cluster.application("running")["state"] == "RUNNING"


def test_a_running_job_is_not_sent_twice(cluster: Cluster, running: Sent) -> None:
    """Its folder is in use: the second submit says by whom."""
    again = submit(cluster, running.job)
    assert again.status == 2
    assert f"checkpoint.path {running.job['checkpoint']['path']} is in use: {running.id}" in again.out


def test_the_logs_of_running_containers(cluster: Cluster, running: Sent, logs: str) -> None:
    """One process's log under its name; without --role those of all, the master's among them."""
    done = cluster.yarnml("logs", running.id, "--role", "worker", "--index", "1")
    assert done.returncode == 0, done.stderr
    titles = re.findall(r"^==> (\w+ \d) on 127\.0\.0\.\d \(container_\w+\), (\S+) <==$", done.stdout, re.M)
    assert titles == [("worker 1", "worker.log")]
    assert re.search(r"^worker 1 on 127\.0\.0\.\d: yarnml \S+, Python \S+, process \d+$", done.stdout, re.M)
    assert re.findall(r"^==> (\w+ \d) on", logs, re.M) == ["master 1", "reducer 0", "worker 0", "worker 1"]
    assert "==> master 1" in cluster.yarnml("logs", running.id, "--role", "skein").stdout
    none = cluster.yarnml("logs", running.id, "--role", "worker", "--index", "2")
    assert (none.returncode, none.stderr) == (
        1,
        f"error: {running.id} is RUNNING and has no worker 2 with a log yet.\n",
    )


def test_logs_are_followed(cluster: Cluster, running: Sent) -> None:
    """With --follow new lines appear as they are written, each once."""
    output = cluster.folder / "logs.out"
    with output.open("w") as out:
        line = [sys.executable, "-m", "yarnml", "logs", running.id, "--role", "master", "--follow"]
        popen = subprocess.Popen(line, stdout=out, stderr=subprocess.STDOUT, env=cluster.variables)
        newest = _epochs(cluster.yarnml("logs", running.id, "--role", "master").stdout)[-1]
        wait_for("newer epochs", lambda: max([0, *_epochs(output.read_text())]) > newest + 1)
        popen.send_signal(signal.SIGINT)
        assert popen.wait(60) == 130
    seen = _epochs(output.read_text())
    assert seen == list(range(seen[0], seen[0] + len(seen)))


def _epochs(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"^epoch (\d+)/\d+ .*\n", text, re.M)]


def test_the_secret_of_a_running_job(cluster: Cluster, running: Sent, status: str, logs: str) -> None:
    """Its processes have the value as it is; no launch script, command line, log or state of the cluster has it."""
    check_environment(cluster)
    assert places_of_secret(cluster) == SECRET_FILES
    assert staged_openly(cluster) == kept_on_the_edge_node() == []
    assert "hunter2" not in running.out + logs + status


def test_what_is_listed(cluster: Cluster, running: Sent) -> None:
    """Those that run; nobody else's, and none of other programs."""
    with cluster.filled("256 MiB"):
        live = cluster.yarnml("ls").stdout
        filler = cluster.application("filler")["id"]
        strange = cluster.yarnml("status", filler)
    assert ID.findall(live) == [running.id]
    assert re.search(rf"^{running.id} +running +RUNNING +\d+ % +\d+, loss \S+ ", live, re.M)
    assert (strange.returncode, strange.stderr) == (
        2,
        f"error: {filler}, filler of user {OWNER}, is not an application of yarnml.\n",
    )


def test_killed(cluster: Cluster, running: Sent, killed: Any) -> None:
    """Its containers, staging folder and half-written checkpoints are gone when the command returns."""
    assert killed.returncode == 0, killed.stderr
    assert killed.stdout.startswith(f"{running.id} was ended")
    assert cluster.processes("yarnml.clusters.yarn") == []
    assert cluster.left_behind(running.job) == []
    assert cluster.application("running")["finalStatus"] == "KILLED"
    with used(cluster.hadoop):
        history = HistoryReader(running.job["checkpoint"]["path"]).read()
    assert history[-1].event == Failure("Interrupted", f"{OWNER} killed this job.")
    assert cluster.steps(running.job)


def test_after_the_kill(cluster: Cluster, running: Sent, killed: Any) -> None:
    """It had ended, says who asks again; how far it got is still known.  What it logged: `test_ended`."""
    again = cluster.yarnml("kill", running.id)
    assert (again.returncode, again.stdout) == (0, f"{running.id} had ended before: KILLED.\n")
    status = json.loads(cluster.yarnml("status", running.id, "--json").stdout)
    assert status["application"]["state"] == "KILLED"
    assert status["training"]["epoch"] > 0
    attached = cluster.yarnml("attach", running.id)
    assert attached.returncode == 1
    assert f"error: {running.id} was killed." in attached.stderr
