"""The process cluster is what the other tests take it for."""

import getpass
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import families
from tests.hadoop import GPU_HOST, HOSTS, RACKS, Hadoop
from tests.hadoop.driver import driver_options
from tests.processes import wait_for

pytestmark = pytest.mark.cluster("yarn")

GUARD = Path(__file__).with_name("guard.py")

# An owner: starts a guard, and under it a tree that tries to get away (a new session, an orphan); prints every pid.
OWNER = """
import json, subprocess, sys, time
guard = subprocess.Popen([sys.executable, sys.argv[1], sys.argv[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
tree = "setsid sh -c 'sleep 1000 & sleep 1000' & sleep 0.5; exit"
for command in (tree, "sleep 1000"):
    order = {"argv": ["/bin/sh", "-c", command], "environment": {}, "log": sys.argv[2] + "/log"}
    guard.stdin.write(json.dumps(order).encode() + b"\\n")
    guard.stdin.flush()
    guard.stdout.readline()
print(guard.pid, flush=True)
time.sleep(1000)
"""


def test_hosts_racks_labels_and_gpus(hadoop: Hadoop) -> None:
    """Three hosts in two racks; one has the label and the GPUs."""
    nodes = hadoop.live_nodes()
    assert {host: node["rack"] for host, node in nodes.items()} == RACKS
    assert {host for host, node in nodes.items() if "gpu" in node.get("nodeLabels", [])} == {GPU_HOST}
    kinds = {host: node["totalResource"]["resourceInformations"]["resourceInformation"] for host, node in nodes.items()}
    gpus = {host: [k["value"] for k in kind if k["name"] == "yarn.io/gpu"] for host, kind in kinds.items()}
    assert gpus == {"127.0.0.2": [0], "127.0.0.3": [0], "127.0.0.4": [2]}


def test_blocks_name_hosts(hadoop: Hadoop, tmp_path: Path) -> None:
    """A file of several blocks has its copies on different hosts, by their names."""
    (tmp_path / "file").write_bytes(bytes(8192))
    put = hadoop.command("hdfs", "dfs", "-D", "dfs.blocksize=2048", "-put", tmp_path / "file", "blocks")
    assert put.returncode == 0, put.stderr

    def blocks() -> list[dict[str, list[str]]]:
        answer = hadoop.webhdfs(f"/user/{getpass.getuser()}/blocks", "GETFILEBLOCKLOCATIONS")
        return answer["BlockLocations"]["BlockLocation"]

    # a file is written as soon as one DataNode has told of each block
    hadoop.wait_for("two replicas", lambda: all(len(block["hosts"]) == 2 for block in blocks()), deadline=30)
    assert len(blocks()) == 4
    for block in blocks():
        assert set(block["hosts"]) <= set(HOSTS)
        assert {path.rsplit("/", 1)[0] for path in block["topologyPaths"]} == {RACKS[host] for host in block["hosts"]}


def test_permissions_bite(hadoop: Hadoop, tmp_path: Path) -> None:
    """A user writes at home and in /tmp, not elsewhere."""
    (tmp_path / "file").touch()
    assert hadoop.command("hdfs", "dfs", "-put", tmp_path / "file", "/tmp/mine").returncode == 0
    refused = hadoop.command("hdfs", "dfs", "-put", tmp_path / "file", "/user/alice/mine")
    assert refused.returncode == 1
    assert "Permission denied" in refused.stderr


@pytest.mark.filterwarnings("default")
def test_an_application_runs_where_it_may(hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The label leads to its host, its log can be read afterwards; research is for alice alone."""
    from yarnml.clusters.yarn.skein_import import skein

    for name, value in hadoop.environment.items():
        monkeypatch.setenv(name, value)
    hello = {
        "name": "hello",
        "services": {
            "hello": {
                "script": "echo hello from $NM_HOST",
                "node_label": "gpu",
                "resources": {"memory": "256 MiB", "vcores": 1, "gpus": 1},
            }
        },
    }
    with skein.Client(java_options=driver_options(hadoop.environment).split()) as client:
        with pytest.raises(skein.exceptions.DriverError, match="does not have permission to submit"):
            client.submit(skein.ApplicationSpec.from_dict(hello | {"queue": "research"}))
        app = client.submit(skein.ApplicationSpec.from_dict(hello))
        wait_for("the application", lambda: client.application_report(app).state in ("FINISHED", "FAILED", "KILLED"))
        report = client.application_report(app)
    assert report.final_status == "succeeded", report.diagnostics
    log = ["yarn", "logs", "-applicationId", app]  # NodeManagers store it once the application has ended
    wait_for("its log", lambda: f"hello from {GPU_HOST}" in hadoop.command(*log).stdout)


@pytest.mark.breadth
def test_a_lost_host_is_noticed_and_comes_back(hadoop: Hadoop) -> None:
    """A host whose power is cut is lost to YARN and HDFS within half a minute, and found again once it is started."""
    host = HOSTS[0]
    hadoop.kill_host(host)
    try:
        hadoop.wait_for(f"the loss of {host}", lambda: host not in hadoop.live_nodes(), deadline=30)
        hadoop.wait_for(f"the loss of {host}", lambda: hadoop.live_datanodes() == set(HOSTS) - {host}, deadline=30)
    finally:
        hadoop.start_host(host)
        hadoop.wait_until_ready()
    assert set(hadoop.live_nodes()) == hadoop.live_datanodes() == set(HOSTS)


def test_nothing_survives_its_owner(tmp_path: Path) -> None:
    """However the owner ends, its daemons, their orphans and the folder go."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", OWNER, GUARD, folder], stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout
            guard = psutil.Process(int(owner.stdout.readline()))
            wait_for("the orphans", lambda: list(map(families.name, families.family(guard))).count("sleep") == 3)
            family = families.family(guard)
        finally:
            owner.kill()
    wait_for("the end of the family", lambda: not any(map(families.runs, family)))
    assert not folder.exists()
