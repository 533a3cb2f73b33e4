"""A job on a real cluster that ended well: its model is that of `run`, and later commands still know it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.applications import USER, Cluster, Job
from tests.clusters.yarn.secrets import SECRET, stored_secrets
from tests.clusters.yarn.submission import ID, Sent, submit

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("yarn")]


@pytest.fixture(scope="module")
def ended(cluster: Cluster) -> Sent:
    """A short job that ended well."""
    job = cluster.job("ended")
    job["training"] |= {"epochs": 20}
    job["environment"] = job["environment"] | {"variables": {"VAULT_KEY": SECRET}}
    return submit(cluster, job)


def test_the_same_bytes_as_run(cluster: Cluster, ended: Sent, model: Callable[[Job], Path]) -> None:
    """The exported files are, byte for byte, those of `run`; only the paths in the job's description differ.

    What its workers compiled is there for the next job of its name.
    """
    assert ended.status == 0, ended.out
    job = ended.job
    expected = model(job)
    assert cluster.read(f"{job['export']}/1/model.safetensors") == (expected / "model.safetensors").read_bytes()
    assert cluster.read(f"{job['export']}/1/model.stablehlo") == (expected / "model.stablehlo").read_bytes()
    about = msgspec.json.decode(cluster.read(f"{job['export']}/1/model.json"))
    expected_about = msgspec.json.decode((expected / "model.json").read_bytes())
    for description in ("model.json", "model.md"):
        assert about["digests"].pop(description) != expected_about["digests"].pop(description)
    assert {k for k in about if about[k] != expected_about[k]} == {"name", "job", "created", "application"}
    assert re.search(r"data +\d+ % of the training bytes were on the host of their worker", ended.out)
    assert cluster.application("ended")["finalStatus"] == "SUCCEEDED"
    assert [name for name in cluster.files(f"{USER}/.yarnml/compiled") if name.startswith("ended-")]
    assert cluster.left_behind(job) == []


def test_the_secret_of_a_job_that_ended(cluster: Cluster, ended: Sent) -> None:
    """Its model, its checkpoints and its logs have the variable's name alone."""
    assert stored_secrets(cluster, ended.job) == []
    about = json.loads(cluster.read(f"{ended.job['export']}/1/model.json"))
    assert about["job"]["environment"]["variables"] == {"VAULT_KEY": "…"}
    logs = cluster.yarnml("logs", ended.id).stdout
    assert re.findall(r"^==> (\w+ \d) on 127", logs, re.M) == ["master 1", "worker 0", "worker 1"]
    assert "hunter2" not in ended.out + logs


def test_a_job_that_ended_well(cluster: Cluster, ended: Sent) -> None:
    """Submit shows its progress and summary; afterwards it has a status, logs, and an end to be seen again."""
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
    listed = cluster.yarnml("ls", "--all").stdout
    assert ID.findall(listed) == sorted(ID.findall(listed), reverse=True)
    assert re.search(rf"^{ended.id}  ended +SUCCEEDED ", listed, re.M)
    again = cluster.yarnml("attach", ended.id)
    assert again.returncode == 0, again.stderr
    assert f"{ended.id} had ended before" in again.stdout
    assert f"model       {ended.job['export']}/1" in again.stdout
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
