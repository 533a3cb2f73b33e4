"""Bad days of a job on a cluster: hosts, daemons and processes that end, stop and come back."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import yarnml
from tests import families
from tests.applications import CONTAINER, LEAD, SKEIN, Cluster, Job, Submitted, submitted
from tests.hadoop import HOSTS, Hadoop, admin_variables, hadoop
from tests.processes import wait_for

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("outages"), pytest.mark.faults]

MINUTE = 60.0


@pytest.fixture(scope="module", name="hadoop")
def _hadoop() -> Iterator[Hadoop]:
    """A cluster that soon notices when a master is gone."""
    changes = {"yarn.nodemanager.admin-env": admin_variables()}
    with hadoop(changes | {"yarn.am.liveness-monitor.expiry-interval-ms": "60000"}) as cluster:
        yield cluster


EPOCHS = 150


def long_job(cluster: Cluster, name: str) -> Job:
    """A job that reads its data anew in every epoch, keeps nothing in memory, and saves often."""
    job = cluster.job(name, workers={"count": 2, "memory": "1 GiB", "cache": "0 B", "timeout": 20})
    job["training"] |= {"epochs": EPOCHS}
    job["checkpoint"] |= {"every": "5 epochs"}
    return job


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The model of the same job, by one process, from local files."""
    job = cluster.job("undisturbed")
    folder = tmp_path_factory.mktemp("undisturbed")
    job["training"] |= {"epochs": EPOCHS}
    job["data"] |= {"train": str(digits / "train"), "test": str(digits / "test")}
    yarnml.run(job | {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}, "inline")
    return (folder / "models/1/model.safetensors").read_bytes()


@contextmanager
def training(cluster: Cluster, job: Job) -> Iterator[Submitted]:
    """The job from its first checkpoint on."""
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        yield run


def same_bits(cluster: Cluster, job: Job, run: Submitted, undisturbed: bytes) -> str:
    """All output of a job, which must end well and leave the undisturbed model and nothing else."""
    status, out = run.end(300)
    assert status == 0, out
    assert cluster.read(f"{job['export']}/1/model.safetensors") == undisturbed
    assert cluster.left_behind(job) == []
    return out


def has_printed(run: Submitted, pattern: str) -> Callable[[], object]:
    return lambda: re.search(pattern, run.printed())


def test_a_node_manager_dies(cluster: Cluster, undisturbed: bytes) -> None:
    """A NodeManager alone is killed under its containers, which nobody manages any more; it comes back."""
    job = long_job(cluster, "node-manager")
    with training(cluster, job) as run:
        host = min(cluster.hosts(CONTAINER) - cluster.hosts(LEAD))
        name = f"nodemanager-{HOSTS.index(host) + 1}"
        orphans = cluster.hadoop.containers(host)
        cluster.hadoop.kill(name)
        try:
            same_bits(cluster, job, run, undisturbed)
        finally:
            cluster.hadoop.start(name)
            cluster.hadoop.wait_until_ready()
        wait_for("the end of the containers", lambda: not any(p.is_running() for p in orphans))


def test_the_resource_manager_is_started_again(cluster: Cluster, undisturbed: bytes) -> None:
    """SIGKILL of the ResourceManager while a job trains: job and command go on, in the same attempt."""
    job = long_job(cluster, "resource-manager")
    with training(cluster, job) as run:
        cluster.hadoop.kill("resourcemanager")
        time.sleep(5)
        reached = run.printed().count("epoch ")
        wait_for("news without it", lambda: run.printed().count("epoch ") > reached + 5, 60)
        cluster.hadoop.start("resourcemanager")
        same_bits(cluster, job, run, undisturbed)
    assert cluster.attempts(job["name"]) == 1


def test_a_data_node_dies_while_it_is_read(cluster: Cluster, undisturbed: bytes) -> None:
    """SIGKILL of a DataNode whose blocks every epoch reads anew: the other replicas serve."""
    job = long_job(cluster, "data-node")
    with training(cluster, job) as run:
        cluster.hadoop.kill("datanode-1")
        try:
            same_bits(cluster, job, run, undisturbed)
        finally:
            cluster.hadoop.start("datanode-1")
            cluster.hadoop.wait_until_ready()


def test_the_name_node_stops_for_a_minute(cluster: Cluster, undisturbed: bytes) -> None:
    """The NameNode hangs for a minute while workers read and the job writes its checkpoints: all wait and say why."""
    job = long_job(cluster, "name-node")
    with training(cluster, job) as run:
        cluster.hadoop.stop("namenode")
        time.sleep(MINUTE)
        cluster.hadoop.resume("namenode")
        out = same_bits(cluster, job, run, undisturbed)
    assert "lost:" not in out
    logs = cluster.yarnml("logs", run.id).stdout
    assert "storage: it worked again after" in logs


@pytest.mark.parametrize("kind", [CONTAINER, LEAD, SKEIN])
def test_a_process_stops(cluster: Cluster, undisturbed: bytes, kind: str) -> None:
    """SIGSTOP, for good, of a worker, of our master, of Skein's application master: another one goes on."""
    job = long_job(cluster, "stops-" + kind.rpartition(".")[2].lower())
    with training(cluster, job) as run:
        cluster.processes(kind)[0].send_signal(signal.SIGSTOP)
        out = same_bits(cluster, job, run, undisturbed)
    if kind == CONTAINER:
        assert "no sign of life" in out
    assert cluster.attempts(job["name"]) == (1 if kind == CONTAINER else 2)


def test_all_workers_at_once(cluster: Cluster, undisturbed: bytes) -> None:
    """SIGKILL of every container: others go on from the newest checkpoint."""
    job = long_job(cluster, "all-workers")
    with training(cluster, job) as run:
        families.send(cluster.processes(CONTAINER))
        out = same_bits(cluster, job, run, undisturbed)
    assert "continuing after step" in out


def test_from_one_to_five_workers(cluster: Cluster) -> None:
    """`yarnml scale` 1 → 4 → 2 → 5 → 1 while a job trains, and the bits of one process."""
    job = long_job(cluster, "sizes")
    job["workers"] |= {"count": 1, "memory": "512 MiB", "cache": "1 GiB"}
    job["training"] |= {"epochs": 6000, "shards": 5}
    job["checkpoint"] |= {"every": "500 epochs"}
    with training(cluster, job) as run:
        for size in (4, 2, 5, 1):
            assert cluster.yarnml("scale", run.id, str(size)).returncode == 0
            wait_for(f"{size} workers", has_printed(run, rf"going on after step \d+ with {size} worker"), 120)
        status, out = run.end(300)
    assert status == 0, out
    assert "lost:" not in out
    local = cluster.folder / "local"
    alone = job | {"name": "alone", "checkpoint": {"path": str(local / "job")}, "export": str(local / "models")}
    done = cluster.yarnml("run", str(cluster.write(alone)), "--backend", "inline")
    assert done.returncode == 0, done.stderr
    distributed = cluster.read(f"{job['export']}/1/model.safetensors")
    assert distributed == (local / "models/1/model.safetensors").read_bytes()
    assert cluster.left_behind(job) == []
