"""The active one of two NameNodes or ResourceManagers may die at any moment: commands and jobs go on."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import yarnml
from tests import families
from tests.applications import CONTAINER, Cluster, Job, submitted
from tests.clusters.yarn.secured import NEEDS_KERBEROS, corner, secured_hadoop, used
from tests.hadoop import QUICK, QUICK_INSIDE, Federation, Hadoop, TwoMasters, hadoop
from tests.hadoop.federation import OTHER_SERVICE
from tests.processes import wait_for
from yarnml import storage
from yarnml.clusters.yarn.capacity import availability
from yarnml.events.cluster import SizeChanged
from yarnml.events.submission import SUBMITTED, UserAction
from yarnml.storage.hadoop_config import configuration
from yarnml.storage.security import identity
from yarnml.watch.history.pieces import HistoryReader

pytestmark = [pytest.mark.timeout(420), pytest.mark.cluster("ha")]

SECURED = pytest.param("secured", marks=[pytest.mark.faults, NEEDS_KERBEROS])


@pytest.fixture(scope="module", name="hadoop")
def _hadoop(request: pytest.FixtureRequest) -> Iterator[Hadoop]:
    """A cluster with two masters of each kind and a second HDFS, which this process uses; "masters": those alone."""
    if request.param == "secured":
        with secured_hadoop(masters=Federation) as secured:
            yield secured.hadoop
    elif request.param == "masters":
        with hadoop(QUICK, QUICK_INSIDE, masters=TwoMasters, hosts=()) as running, used(running):
            yield running
    else:
        with hadoop(QUICK, QUICK_INSIDE, masters=Federation) as running, used(running):
            yield running


@pytest.fixture(scope="module")
def cluster(hadoop: Hadoop, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    return corner(hadoop, digits, tmp_path_factory.mktemp("jobs"))


def wait_for_standby(hadoop: Hadoop, kind: str) -> TwoMasters:
    """The masters, of which one of this kind is active and one ready to take over."""
    masters = hadoop.masters.masters if isinstance(hadoop.masters, Federation) else hadoop.masters
    assert isinstance(masters, TwoMasters)
    hadoop.wait_for(f"a standby {kind}", lambda: masters.standby(kind))
    return masters


def kill_active(hadoop: Hadoop, kind: str) -> str:
    """SIGKILL to the active daemon of a kind, with a standby beside it; its name."""
    masters = wait_for_standby(hadoop, kind)
    name = (masters.name_node() if kind == "namenode" else masters.resource_manager()).name
    hadoop.kill(name)
    return name


@pytest.mark.parametrize("hadoop", [pytest.param("masters", marks=pytest.mark.breadth), SECURED], indirect=True)
def test_without_active_masters(hadoop: Hadoop, capfd: pytest.CaptureFixture[str]) -> None:
    """While no NameNode and no ResourceManager is active calls say so and wait; then they succeed."""
    standby = wait_for_standby(hadoop, "resourcemanager")
    web = "swebhdfs" if standby.resource_manager().web.startswith("https") else "webhdfs"
    hadoop.stop("zookeeper")  # without it nobody takes over
    killed = [kill_active(hadoop, kind) for kind in ("namenode", "resourcemanager")]
    said: list[str] = []

    def all_wait() -> bool:
        said.append(capfd.readouterr().err)
        return "".join(said).count("for up to 60 s") == 3

    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(storage.exists, url) for url in ("hdfs:///user", f"{web}://ns1/user")]
        active = pool.submit(availability.find_active, configuration())
        wait_for("all to wait", all_wait)
        hadoop.resume("zookeeper")
        assert [answer.result() for answer in answers] == [True, True]
        address = active.result()
        hadoop.wait_for("the ResourceManager's own word", standby.resource_manager)
        number = standby.resource_manager().name.rpartition("-")[2]
        assert address == configuration().get(f"yarn.resourcemanager.address.rm{number}")
    for name in killed:
        hadoop.start(name)


def stored_elsewhere(hadoop: Hadoop, digits: Path) -> dict[str, str]:
    """The digits on the second HDFS: one part by its name service, one by the address of its NameNode."""
    masters = hadoop.masters
    assert isinstance(masters, Federation)
    make_folder = ("/data", "MKDIRS&permission=777", "PUT", "hdfs", masters.other.web)
    hadoop.wait_for("the second NameNode", lambda: hadoop.webhdfs(*make_folder))
    for part in ("train", "test"):
        for file in (digits / part).iterdir():
            storage.write(f"hdfs://{OTHER_SERVICE}/data/{part}/{file.name}", file.read_bytes())
    return {"train": f"hdfs://{OTHER_SERVICE}/data/train", "test": f"hdfs://{masters.address}/data/test"}


@pytest.mark.faults
@pytest.mark.parametrize("hadoop", ["open", SECURED], indirect=True)
def test_a_job(cluster: Cluster, hadoop: Hadoop, digits: Path, tmp_path: Path) -> None:
    """Masters die before a job is sent, while it trains, changes its size, exports: the same bits, in one attempt.

    Its data is on another HDFS, of another name service.  Its history says who sent it and who changed its size.
    """
    job = cluster.held("failovers", workers={"count": 2, "memory": "1 GiB", "cache": "0 B"})
    job["data"] |= stored_elsewhere(hadoop, digits)
    job["training"] |= {"epochs": 80}  # it must not end before it is let go, on a slow machine either
    killed = kill_active(hadoop, "resourcemanager")
    with submitted(cluster, job) as run:
        wait_for("a checkpoint", lambda: cluster.steps(job), 180)
        hadoop.start(killed)

        killed = kill_active(hadoop, "namenode")
        reached = max(cluster.steps(job))
        wait_for("a checkpoint after it", lambda: max(cluster.steps(job)) > reached, 60)
        wait_for_standby(hadoop, "resourcemanager")
        doctor = cluster.yarnml("doctor")
        assert doctor.returncode == 0, doctor.stdout
        lines = {line[8:].split(": ")[0]: line for line in doctor.stdout.splitlines()}
        assert re.search(r": hdfs://ns1: \S+ is active, \S+ does not tell its state \(", lines["NameNode"])
        assert re.search(r": \S+ is active, \S+ is standby; 3 of 3 nodes are running", lines["ResourceManager"])
        hadoop.start(killed)

        kill_active(hadoop, "resourcemanager")
        families.send(cluster.processes(CONTAINER)[:1])
        scaled = cluster.yarnml("scale", run.id, "3")
        assert scaled.returncode == 0, scaled.stderr
        wait_for("three workers", lambda: len(cluster.processes(CONTAINER)) == 3, 60)

        kill_active(hadoop, "namenode")
        cluster.let_go(job)
        status, out = run.end()
    assert status == 0, out
    assert storage.read(f"{job['export']}/1/model.safetensors") == undisturbed(cluster, job, digits, tmp_path)
    history = [entry.event for entry in HistoryReader(job["checkpoint"]["path"]).read()]
    actor = identity.login_name()
    assert UserAction(actor, SUBMITTED) in history
    assert f"{actor} asked for it" in [event.why for event in history if isinstance(event, SizeChanged)]
    assert cluster.attempts(job["name"]) == 1
    assert cluster.left_behind(job) == []


def undisturbed(cluster: Cluster, job: Job, digits: Path, folder: Path) -> bytes:
    """The parameters of a job that nothing happens to, trained in this process from local files."""
    data = job["data"] | {"train": str(digits / "train"), "test": str(digits / "test")}
    learner = job["learner"] | {"path": str(cluster.folder / job["learner"]["path"])}
    places = {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}
    yarnml.run(job | {"data": data, "learner": learner} | places, "inline")
    return (folder / "models/1/model.safetensors").read_bytes()
