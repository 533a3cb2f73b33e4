"""The folder of a job on a real HDFS: its lease, what is removed of it, and checkpoints whose blocks are lost."""

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from tests.hadoop import Hadoop
from yarnml import storage
from yarnml.checkpoint.lease import Lease, LeaseLost, this_process
from yarnml.checkpoint.manifest import FORMAT, Manifest, Position
from yarnml.checkpoint.state_files import read_state, write_state
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError
from yarnml.events.events import CheckpointTorn, Event
from yarnml.job import paths
from yarnml.storage.tensors import pack

pytestmark = pytest.mark.cluster("yarn")


@pytest.fixture(params=["hdfs", "webhdfs"])
def root(request: pytest.FixtureRequest, hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job's folder that is not there yet, by either protocol."""
    for name, value in hadoop.environment.items():
        monkeypatch.setenv(name, value)
    base = {"hdfs": hadoop.hdfs, "webhdfs": hadoop.hdfs_web.replace("http", "webhdfs")}[request.param]
    storage.remove(f"{base}/tmp/job-{request.param}")
    return f"{base}/tmp/job-{request.param}"


def commit(checkpoints: Checkpoints, step: int) -> None:
    folder = checkpoints.temporary(step)
    files = write_state(folder, pack({"w": np.full(1000, float(step))}))
    manifest = Manifest(FORMAT, {}, Schema((), "y", "number"), 1, Position(step, []), files)
    checkpoints.commit(manifest, folder, None)


def test_the_lease(root: str) -> None:
    """It is held by one, refuses a second one, is freed at the end, and one of a dead process stops nobody."""
    first = Lease(root)
    with first.held():
        first.confirm()
        with pytest.raises(CheckpointError, match="is in use: process"):
            Lease(root).check()
        storage.write(
            f"{root}/{paths.LEASE}", b'{"nonce":"b","host":"h","machine":"m","process":1,"started":1,"folder":"f"}'
        )
        with pytest.raises(LeaseLost, match=r"led by another run now \(process 1 on h\)"):
            first.confirm()
    assert storage.names(root) == [paths.LEASE]
    dead = replace(this_process(root), nonce="c", started=1)
    storage.write(f"{root}/{paths.LEASE}", msgspec.json.encode(dead))
    with Lease(root).held():
        assert storage.names(root) == [paths.LEASE]
    assert storage.names(root) == []


def test_files_of_others_survive(root: str) -> None:
    """A new beginning removes checkpoints, unfinished ones and leftovers, and nothing else."""
    foreign = ["notes.txt", "checkpoints/model.pt", "checkpoints/step-000000000020/notes.txt", "checkpoints/.tmp-mine"]
    checkpoints = Checkpoints(root, 3)
    for step in (10, 20, 30):
        commit(checkpoints, step)
    for name in [*foreign, "checkpoints/.tmp-step-40-0123abcd-0123abcd/state.safetensors", ".outcome.json.0123abcd"]:
        storage.write(f"{root}/{name}", name.encode())
    checkpoints.sweep()
    checkpoints.clear()
    assert checkpoints.newest_step() is None
    folders = {f"{root}/{name}".rpartition("/")[0] for name in foreign}
    listed = [url.removeprefix(f"{root}/") for folder in folders for url in files(folder)]
    assert sorted(listed) == sorted(foreign)
    commit(checkpoints, 20)
    assert checkpoints.newest_step() == 20
    assert storage.read(f"{root}/checkpoints/model.pt") == b"checkpoints/model.pt"


def files(folder: str) -> list[str]:
    """The files in a folder, hidden ones too."""
    fs, path = storage.locate(folder)
    return [f"{folder.rstrip('/')}/{e['name'].rpartition('/')[2]}" for e in fs.ls(path) if e["type"] == "file"]


@pytest.mark.long
@pytest.mark.parametrize("root", ["hdfs"], indirect=True)  # by WebHDFS it takes another half a minute until it is told
def test_a_lost_block(root: str, hadoop: Hadoop) -> None:
    """A newest checkpoint whose blocks are gone from every DataNode is passed over, and named."""
    checkpoints = Checkpoints(root, 3)
    commit(checkpoints, 10)
    before = {*hadoop.folder.glob("hosts/*/blocks/**/blk_*")}
    commit(checkpoints, 20)
    state = read_state(checkpoints.folder(20))["w"].tobytes()
    lost = 0
    for path in {*hadoop.folder.glob("hosts/*/blocks/**/blk_*")} - before:
        if path.suffix != ".meta" and state in path.read_bytes():
            path.unlink()
            lost += 1
    assert lost
    events: list[Event] = []
    manifest = Checkpoints(root, 3).newest(events.append)
    assert manifest is not None
    assert manifest.position.step == 10
    (torn,) = events
    assert isinstance(torn, CheckpointTorn)
    assert torn.why.startswith("state.safetensors can't be read: ")
