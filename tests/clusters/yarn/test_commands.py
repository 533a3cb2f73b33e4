"""Commands for a job on YARN after `submit`, the real ones on a real cluster."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.applications import OWNER, USER, Cluster
from tests.clusters.yarn.secrets import (
    SECRET,
    SECRET_FILES,
    check_environment,
    kept_on_the_edge_node,
    places_of_secret,
    staged_openly,
    stored_secrets,
)
from tests.clusters.yarn.secured import used
from tests.clusters.yarn.submission import ID, Sent, submit
from tests.processes import wait_for
from yarnml.events.events import Failure
from yarnml.watch.history.pieces import HistoryReader

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("commands")]


@pytest.fixture(scope="module")
def running(cluster: Cluster) -> Iterator[Sent]:
    """An endless job, sent with --detach, once it has written a checkpoint."""
    job = cluster.endless("running")
    job["environment"] = job["environment"] | {"variables": {"VAULT_KEY": SECRET}}
    sent = submit(cluster, job, "--detach")
    wait_for("a checkpoint", lambda: cluster.steps(job), 180)
    yield sent
    cluster.end(sent.id)


@pytest.fixture(scope="module")
def ended(cluster: Cluster) -> Sent:
    """A short job that ended well."""
    job = cluster.job("ended")
    job["training"] |= {"epochs": 20}
    job["environment"] = job["environment"] | {"variables": {"VAULT_KEY": SECRET}}
    return submit(cluster, job)


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
    assert "environments/" in application["master"]["files"]["environment"]["source"]
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


def test_the_status_of_a_running_job(cluster: Cluster, running: Sent) -> None:
    """Round, step, loss, metrics and every container with its host; the same in JSON, and on a screen."""
    done = cluster.yarnml("status", "running")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^state +RUNNING$", done.stdout, re.M)
    assert re.search(r"^training +round \d+, step \d+/600000, loss \S+, 2 workers$", done.stdout, re.M)
    assert re.search(r"^epoch +\d+/100000  loss \S+, accuracy \S+$", done.stdout, re.M)
    containers = re.findall(r"^(\w+) +(\d) +RUNNING +(127\.0\.0\.\d) +container_\w+$", done.stdout, re.M)
    assert [row[:2] for row in containers] == [("master", "1"), ("worker", "0"), ("worker", "1")]
    status = json.loads(cluster.yarnml("status", running.id, "--json").stdout)
    assert status["application"]["state"] == "RUNNING"
    assert status["training"]["epoch"] > 0
    assert {c["host"] for c in status["containers"]} <= set(cluster.hadoop.hosts)
    top = ("top", "running", "--once")  # a worker's first measurements may be to come
    assert re.search(r"^running  running  \d", cluster.yarnml(*top).stdout)
    wait_for("worker 1", lambda: re.search(r"^worker 1 +127\.0\.0\.\d", cluster.yarnml(*top).stdout, re.M))


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


def test_the_logs_of_running_containers(cluster: Cluster, running: Sent) -> None:
    """One process's log under its name; without --role those of all, the master's among them."""
    done = cluster.yarnml("logs", running.id, "--role", "worker", "--index", "1")
    assert done.returncode == 0, done.stderr
    titles = re.findall(r"^==> (\w+ \d) on 127\.0\.0\.\d \(container_\w+\), (\S+) <==$", done.stdout, re.M)
    assert titles == [("worker 1", "worker.log")]
    assert re.search(r"^worker 1 on 127\.0\.0\.\d: yarnml \S+, Python \S+, process \d+$", done.stdout, re.M)
    every = cluster.yarnml("logs", running.id).stdout
    assert re.findall(r"^==> (\w+ \d) on", every, re.M) == ["master 1", "worker 0", "worker 1"]
    assert "==> master 1" in cluster.yarnml("logs", running.id, "--role", "skein").stdout
    none = cluster.yarnml("logs", running.id, "--role", "reducer")
    assert (none.returncode, none.stderr) == (1, f"error: {running.id} is RUNNING and has no reducer with a log yet.\n")


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


def test_the_secret_of_a_running_job(cluster: Cluster, running: Sent) -> None:
    """Its processes have the value as it is; no launch script, command line, log or state of the cluster has it."""
    check_environment(cluster)
    assert places_of_secret(cluster) == SECRET_FILES
    assert staged_openly(cluster) == kept_on_the_edge_node() == []
    logs = cluster.yarnml("logs", running.id).stdout
    assert "hunter2" not in running.out + logs + cluster.yarnml("status", running.id, "--json").stdout


def test_the_secret_of_a_job_that_ended(cluster: Cluster, ended: Sent) -> None:
    """Its model, its checkpoints and its logs have the variable's name alone."""
    assert stored_secrets(cluster, ended.job) == []
    about = json.loads(cluster.read(f"{ended.job['export']}/1/model.json"))
    assert about["job"]["environment"]["variables"] == {"VAULT_KEY": "…"}
    assert "hunter2" not in ended.out + cluster.yarnml("logs", ended.id).stdout


def test_a_job_that_ended_well(cluster: Cluster, ended: Sent) -> None:
    """Submit shows its progress and summary; afterwards it has a status, logs, and an end to be seen again."""
    assert ended.status == 0, ended.out
    assert re.search(r"^epoch 20/20 ", ended.out, re.M)
    status = json.loads(cluster.yarnml("status", ended.id, "--json").stdout)
    assert status["application"]["state"] == "SUCCEEDED"
    assert status["training"]["outcome"]["metrics"]["test"]["accuracy"] > 0.5
    assert [(c["role"], c["index"], c["state"]) for c in status["containers"]] == [
        ("master", 1, "ENDED"),
        ("worker", 0, "ENDED"),
        ("worker", 1, "ENDED"),
    ]
    assert all(c["host"] in cluster.hadoop.hosts for c in status["containers"])
    again = cluster.yarnml("attach", ended.id)
    assert again.returncode == 0, again.stderr
    assert f"{ended.id} had ended before" in again.stdout
    assert f"model       {ended.job['export']}/1" in again.stdout
    logs = cluster.yarnml("logs", ended.id, "--role", "worker", "--index", "0")
    assert re.findall(r"^==> (\w+ \d) on 127", logs.stdout, re.M) == ["worker 0"]
    assert submit(cluster, ended.job).out.count("had finished before") == 1


def test_a_job_that_the_cluster_forgot(cluster: Cluster, ended: Sent, tmp_path: Path) -> None:
    """By its application's id its history still tells its status, and makes a report."""
    forgotten = "application_1700000000000_0002"
    (tmp_path / f"{forgotten}.json").write_bytes(cluster.read(f"{USER}/.yarnml/applications/{ended.id}.json"))
    cluster.put(tmp_path, f"{USER}/.yarnml/applications")
    shown = cluster.yarnml("status", forgotten)
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"^state +DONE$", shown.stdout, re.M)
    assert re.search(r"^epoch +20/20 ", shown.stdout, re.M)
    assert "The cluster does not know it any more; this is out of its history in" in shown.stdout
    report = cluster.yarnml("report", forgotten, "-o", str(tmp_path / "report.html"))
    assert "ended, done" in report.stdout, report.stderr
    unknown = cluster.yarnml("report", "application_1700000000000_0003")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "is not among the last 1000 that you have submitted; give the folder of its job" in unknown.stderr


def test_what_is_listed(cluster: Cluster, running: Sent, ended: Sent) -> None:
    """Those that run, newest first; --all with those that ended; nobody else's, and none of other programs."""
    with cluster.filled("256 MiB"):
        live = cluster.yarnml("ls").stdout
        every = cluster.yarnml("ls", "--all").stdout
        filler = cluster.application("filler")["id"]
        strange = cluster.yarnml("status", filler)
    assert ID.findall(live) == [running.id]
    assert ID.findall(every)[:2] == [ended.id, running.id]
    assert re.search(rf"^{running.id} +running +RUNNING +\d+ % +\d+, loss \S+ ", live, re.M)
    assert re.search(rf"^{ended.id}  ended +SUCCEEDED ", every, re.M)
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
    """It had ended, says who asks again; how far it got and what it logged is still known."""
    again = cluster.yarnml("kill", running.id)
    assert (again.returncode, again.stdout) == (0, f"{running.id} had ended before: KILLED.\n")
    status = json.loads(cluster.yarnml("status", running.id, "--json").stdout)
    assert status["application"]["state"] == "KILLED"
    assert status["training"]["epoch"] > 0
    attached = cluster.yarnml("attach", running.id)
    assert attached.returncode == 1
    assert f"error: {running.id} was killed." in attached.stderr
    assert "worker 0 on" in cluster.yarnml("logs", running.id, "--role", "worker").stdout
