"""`doctor` and the checks of `submit` on a real cluster: what can't run is named at once, and nothing is sent."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.applications import USER, Cluster, Job, submitted
from tests.hadoop.configuration import free_address, read, write

pytestmark = pytest.mark.cluster("yarn")

WITHIN = 60.0  # seconds in which submit must refuse


@pytest.fixture
def configuration(cluster: Cluster, tmp_path: Path) -> Path:
    """A client's configuration to spoil."""
    return Path(shutil.copytree(cluster.hadoop.conf_dir, tmp_path / "conf"))


def change(folder: Path, file: str, **properties: str) -> None:
    """Set properties of a configuration; '__' stands for a dot."""
    write(folder / file, read(folder / file) | {name.replace("__", "."): v for name, v in properties.items()})


def spoil(cluster: Cluster, configuration: Path) -> Cluster:
    """The cluster as a client with this configuration sees it."""
    other = Cluster(cluster.hadoop, cluster.folder)
    other.variables = cluster.variables | {"HADOOP_CONF_DIR": str(configuration)}
    return other


def refused(cluster: Cluster, job: Job, status: int) -> str:
    """The one sentence with which submit refuses in time; nothing is on the cluster that was not there before."""

    def contents() -> tuple[Any, Any]:
        apps = (cluster.hadoop.rest("/apps")["apps"] or {}).get("app", [])
        return sorted(a["id"] for a in apps), [cluster.files(f"{USER}/{name}") for name in (".yarnml", ".skein")]

    before = contents()
    began = time.monotonic()
    done = cluster.yarnml("submit", cluster.write(job | {"environment": {}}))  # it would have to pack and upload
    assert time.monotonic() - began < WITHIN
    assert contents() == before
    assert done.returncode == status, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("YARN: ")]  # that a new one is waited for
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert not done.stdout
    return lines[0]


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"queue": "nosuch"}, ["queue must be one of default, research", "'nosuch'"]),
        pytest.param(
            {"queue": "research"},
            ["queue research does not admit", "only alice", "(default)"],
            marks=pytest.mark.breadth,
        ),
        pytest.param(
            {"workers": {"memory": "8 GiB"}},
            ["workers.memory", "4 GiB at most", "not 8 GiB"],
            marks=pytest.mark.breadth,
        ),
        pytest.param(
            {"workers": {"gpus": 1}}, ["workers.gpus", "set workers.node_label to gpu"], marks=pytest.mark.breadth
        ),
        ({"data": {"train": "/tmp/digits"}}, ["data.train", "path of this machine"]),
    ],
)
def test_jobs_that_can_never_run(cluster: Cluster, sections: dict[str, Any], words: list[str]) -> None:
    """A queue, a size or a GPU that YARN does not have is refused by the field; the other rules: test_capacity.py."""
    job = cluster.job("never")
    for name, section in sections.items():
        job[name] = {**job[name], **section} if isinstance(section, dict) else section
    sentence = refused(cluster, job, 2)
    assert all(word in sentence for word in words), sentence


def test_a_label_that_the_queue_may_not_use(cluster: Cluster) -> None:
    """Containers that would stay REQUESTED without a word are refused with the reason."""
    alice = Cluster(cluster.hadoop, cluster.folder)
    alice.variables = cluster.variables | {"HADOOP_USER_NAME": "alice"}
    sentence = refused(alice, cluster.job("label", queue="research", workers={"node_label": "gpu"}), 2)
    assert "queue research may not use nodes labelled gpu" in sentence
    assert "choose a queue that may (default)" in sentence


def test_gpus_that_this_machine_does_not_know(cluster: Cluster, configuration: Path) -> None:
    """A client without YARN's resource types is told which file it lacks."""
    (configuration / "resource-types.xml").unlink()
    job = cluster.job("untyped", workers={"gpus": 1, "node_label": "gpu"})
    sentence = refused(spoil(cluster, configuration), job, 2)
    assert "workers.gpus" in sentence
    assert "resource-types.xml" in sentence


def test_paths_that_are_not_there_or_not_mine(cluster: Cluster) -> None:
    """Data that is missing and a folder that can't be written are refused by their fields."""
    job = cluster.job("paths")
    sentence = refused(cluster, job | {"data": job["data"] | {"train": f"hdfs://{USER}/nosuch"}}, 2)
    assert "data.train" in sentence
    assert f"hdfs://{USER}/nosuch" in sentence
    sentence = refused(cluster, job | {"checkpoint": {"path": "hdfs:///forbidden"}}, 1)
    assert "checkpoint.path hdfs:///forbidden can't be written: Permission denied" in sentence


@pytest.mark.parametrize(
    ("server", "file", "name", "scheme", "answers"),
    [
        ("ResourceManager", "yarn-site.xml", "yarn__resourcemanager__address", "", False),
        pytest.param(
            "ResourceManager", "yarn-site.xml", "yarn__resourcemanager__address", "", True, marks=pytest.mark.breadth
        ),
        pytest.param("NameNode", "core-site.xml", "fs__defaultFS", "hdfs://", False, marks=pytest.mark.breadth),
        ("NameNode", "core-site.xml", "fs__defaultFS", "hdfs://", True),
    ],
)
def test_servers_that_are_down(
    cluster: Cluster, configuration: Path, silent: str, server: str, file: str, name: str, scheme: str, answers: bool
) -> None:
    """A server that is away, or takes connections and says nothing, is named with its host and port."""
    address = silent if answers else free_address("127.0.0.1")
    change(configuration, file, **{name: scheme + address})
    sentence = refused(spoil(cluster, configuration), cluster.job("down"), 1)
    assert server in sentence
    assert address in sentence


def test_doctor_without_a_job_names_the_first_fault(cluster: Cluster, configuration: Path) -> None:
    """A check that depends on a failed one is skipped by name, and the exit status is 1."""
    address = free_address("127.0.0.1")
    change(configuration, "yarn-site.xml", yarn__resourcemanager__address=address)
    done = spoil(cluster, configuration).yarnml("doctor")
    lines = {line[8:].split(":")[0]: line for line in done.stdout.splitlines()}
    assert done.returncode == 1
    assert lines["Hadoop configuration"].startswith("ok ")
    assert str(configuration) in lines["Hadoop configuration"]
    assert lines["NameNode"].startswith("ok ")
    assert lines["ResourceManager"].startswith("wrong ")
    assert address in lines["ResourceManager"]
    assert lines["Skein's driver"] == "skipped Skein's driver: it needs: ResourceManager"
    assert "queue" not in lines


def test_doctor_of_a_bare_machine(cluster: Cluster, tmp_path: Path) -> None:
    """Without Java, the yarn command or a configuration, each is named with what to do."""
    bare = Cluster(cluster.hadoop, cluster.folder)
    nowhere = {"PATH": str(tmp_path), "JAVA_HOME": "", "HADOOP_HOME": str(tmp_path), "HADOOP_CONF_DIR": ""}
    bare.variables = cluster.variables | nowhere
    done = bare.yarnml("doctor")
    assert done.returncode == 1
    assert "wrong   Java: The command java is not found; install" in done.stdout
    assert "wrong   yarn command: The command yarn is not found; put" in done.stdout
    assert "wrong   Hadoop configuration: " in done.stdout
    assert "set HADOOP_CONF_DIR" in done.stdout


def test_doctor_of_a_good_job(cluster: Cluster) -> None:
    """Every check of a good job is ok, down to its Python on a node; no application and no folder stays."""
    job = cluster.job("good", workers={"gpus": 1, "node_label": "gpu", "memory": "1 GiB"})
    done = cluster.yarnml("doctor", cluster.write(job))
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line.startswith("ok ") for line in done.stdout.splitlines()), done.stdout
    assert "environment on a node: Python 3." in done.stdout
    assert "of 127.0.0.4 imports yarnml" in done.stdout
    assert "; its clock is right" in done.stdout
    assert not cluster.files(f"{USER}/.skein")
    assert not cluster.files(f"{USER}/jobs/good")


@pytest.mark.breadth
def test_doctor_of_a_python_that_no_node_has(cluster: Cluster) -> None:
    """A Python that does not start on a node is named as the job would name it."""
    job = cluster.job("pythonless", environment={"python": "/nosuch/python"})
    done = cluster.yarnml("doctor", cluster.write(job))
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong ")]
    assert len(wrong) == 1, done.stdout
    assert "environment on a node" in wrong[0]
    assert "has no /nosuch/python" in wrong[0]


def test_workers_that_do_not_come(cluster: Cluster) -> None:
    """A job without room for its workers ends after workers.wait with the resource that is missing."""
    master = {"memory": "2 GiB"}
    workers = {"count": 2, "min": 2, "memory": "2.5 GiB", "wait": 6}
    with submitted(cluster, cluster.job("tight", master=master, workers=workers)) as run:
        status, out = run.end()
    assert status == 1
    assert "1 worker container of 2.5 GiB and 1 vcore: no node without a label has 2.5 GiB free: " in out
    assert "GiB of 8 GiB are in use" in out
