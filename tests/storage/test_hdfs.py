"""A real HDFS: errors of one sentence, where its blocks are, and the same job as on a local disk."""

import re
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import yarnml
from tests.conftest import Job
from tests.hadoop import HOSTS, RACKS, Hadoop
from tests.jobs.streams import stream_job, taken
from tests.servers import quickly
from tests.tiers import cases
from yarnml import runner, storage
from yarnml.data.plan import make_plan
from yarnml.data.shards import pieces
from yarnml.job.load import load_job
from yarnml.master.placement import local_share, place, racks, shard_bytes

pytestmark = [pytest.mark.cluster("yarn"), pytest.mark.usefixtures("hdfs_user")]


def test_not_allowed(root: str, hadoop: Hadoop) -> None:
    """An act that the user may not do is a PermissionError with Hadoop's reason, without its Java."""
    forbidden = root.removesuffix("/tmp/hdfs").removesuffix("/tmp/webhdfs") + "/forbidden"
    hadoop.webhdfs("/forbidden", "MKDIRS&permission=700", "PUT")
    for act in (
        lambda: storage.write(f"{forbidden}/x", b"1"),
        lambda: storage.find(forbidden),
        lambda: storage.remove(forbidden),
        lambda: storage.rename(forbidden, f"{root}/x"),
    ):
        with pytest.raises(PermissionError, match=r"Permission denied: user=\w+, access=\w+, inode=") as caught:
            act()
        assert "java" not in str(caught.value)


def test_no_folder_is_left_out(root: str, hadoop: Hadoop) -> None:
    """Data below a folder that can't be listed is an error, and never silently less data."""
    storage.write(f"{root}/a.csv", b"x")
    hadoop.webhdfs("/tmp/closed", "MKDIRS&permission=700", "PUT")
    hadoop.webhdfs("/tmp/closed", f"RENAME&destination=/tmp/{root.rpartition('/')[2]}/closed", "PUT")
    for pattern in ("", "/**"):
        with pytest.raises(PermissionError):
            storage.find(root + pattern)
    hadoop.webhdfs(f"/tmp/{root.rpartition('/')[2]}", "DELETE&recursive=true", "DELETE")


def test_quota(root: str, hadoop: Hadoop) -> None:
    """A full quota is an error with Hadoop's numbers, and nothing half-written stays."""
    storage.write(f"{root}/x", b"1")
    hadoop.webhdfs(
        "/tmp/" + root.rpartition("/")[2], "SETQUOTA&namespacequota=2&storagespacequota=9223372036854775807", "PUT"
    )
    with pytest.raises(OSError, match=r"quota .* is exceeded: quota=2 file count=3"):
        storage.write(f"{root}/y", b"1")
    assert storage.names(root) == ["x"]


@pytest.mark.parametrize("root", cases(["hdfs", "webhdfs"], {"hdfs"}), indirect=True)
def test_safe_mode(root: str, hadoop: Hadoop, capfd: pytest.CaptureFixture[str]) -> None:
    """In safe mode a user is told so at once, and a running job waits for its end."""
    storage.write(f"{root}/x", b"1")
    hadoop.command("hdfs", "dfsadmin", "-safemode", "enter", user="hdfs")
    try:
        assert "safe mode" in quickly(lambda: storage.write(f"{root}/y", b"1"))
        assert storage.read(f"{root}/x") == b"1"
        leave = threading.Timer(1, lambda: hadoop.command("hdfs", "dfsadmin", "-safemode", "leave", user="hdfs"))
        leave.start()
        with storage.patience():
            storage.write(f"{root}/y", b"2")
        leave.join()
    finally:
        hadoop.command("hdfs", "dfsadmin", "-safemode", "leave", user="hdfs")
    assert storage.read(f"{root}/y") == b"2"
    assert re.search(r"safe mode.*; trying again for up to 120 s\.\nstorage: it worked again", capfd.readouterr().err)


def test_block_hosts(root: str, hadoop: Hadoop, tmp_path: Path) -> None:
    """Blocks are in order and cover the file; each has its hosts with their racks; local files have none."""
    storage.write(f"{root}/x", b"x" * 5000)
    hadoop.wait_for("both replicas", lambda: len(storage.block_hosts(f"{root}/x")[0].hosts) == 2)
    blocks = storage.block_hosts(f"{root}/x")
    assert [(b.start, b.length) for b in blocks] == [(0, 5000)]
    for block in blocks:
        assert [RACKS[host] for host in block.hosts] == list(block.racks)
    assert storage.locations([f"{root}/x", str(tmp_path)]) == {f"{root}/x": blocks, str(tmp_path): []}


def test_libhdfs_that_is_not_there(hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who asks for libhdfs without having it is told what to set."""
    monkeypatch.setenv("YARNML_HDFS", "libhdfs")
    monkeypatch.setenv("ARROW_LIBHDFS_DIR", "/nowhere")
    with pytest.raises(ValueError, match=r"YARNML_HDFS is libhdfs, but lib\w+ can't be loaded; set JAVA_HOME"):
        storage.exists(f"{hadoop.hdfs}/")
    monkeypatch.setenv("YARNML_HDFS", "other")
    with pytest.raises(ValueError, match="native or libhdfs"):
        storage.exists(f"{hadoop.hdfs}/")


def put(folder: Path, url: str) -> str:
    """Copy a folder of files."""
    for path in folder.iterdir():
        storage.write(f"{url}/{path.name}", path.read_bytes())
    return url


def test_the_storage_decides_nothing(hadoop: Hadoop, digits: Path, digits_job: Job, tmp_path: Path) -> None:
    """Equal files give the same plan, the same shards and the same model, to the bit, wherever they are."""
    web = hadoop.hdfs_web.replace("http", "webhdfs")
    models = []
    plans = []
    for name, at in {"local": str(tmp_path), "hdfs": hadoop.hdfs, "web": web, "default": "hdfs://"}.items():
        home = at if name == "local" else f"{at}/tmp/same-{name}"
        digits_job["data"] |= {part: put(digits / part, f"{home}/{part}") for part in ("train", "test")}
        digits_job |= {"checkpoint": {"path": f"{home}/job"}, "export": f"{home}/models"}
        job = load_job(digits_job)
        plans.append(make_plan(job))
        outcome = runner.run(job, backend="inline")
        models.append(storage.read(f"{outcome.export}/model.safetensors"))
        if name != "local":
            storage.remove(home)
    assert models == models[:1] * 4
    assert len({plan.datasets["train"].fingerprint for plan in plans}) == 1
    assert len({str([pieces(p.datasets["train"], 7, s) for s in range(7)]) for p in plans}) == 1
    assert all(plan.schema == plans[0].schema for plan in plans)
    assert [[f.url.rpartition("/")[2] for f in p.datasets["train"].files] for p in plans] == [
        sorted(path.name for path in (digits / "train").iterdir())
    ] * 4


@pytest.mark.parametrize("root", cases(["hdfs", "webhdfs"], {"hdfs"}), indirect=True)
def test_a_stream(root: str, tmp_path: Path) -> None:
    """Files that appear by a rename on HDFS are learned once, to the bits of the same files on this machine."""
    models = []
    local = stream_job(tmp_path)
    away = local | {"checkpoint": {"path": f"{root}/job"}, "export": f"{root}/models"}
    away["data"] = local["data"] | {"follow": local["data"]["follow"] | {"path": f"{root}/in", "settle": "1 s"}}
    for path in sorted((tmp_path / "in").iterdir()):
        storage.write(f"{root}/in/_temporary/{path.name}", path.read_bytes())
        storage.rename(f"{root}/in/_temporary/{path.name}", f"{root}/in/{path.name}")
    storage.write(f"{root}/in/part-9.parquet._COPYING_", b"half")
    storage.write(f"{root}/in/_temporary/part-8.parquet", b"half")
    for job in (local, away):
        outcome = yarnml.run(job, "inline")
        models.append(storage.read(f"{outcome.export}/model.safetensors"))
    assert models[0] == models[1]
    assert taken(away) == taken(local)
    storage.remove(f"{root}/in")
    assert yarnml.run(away, "inline").already


def test_a_delta_table(root: str, tmp_path: Path) -> None:
    """A table's newest version is read by its log, and a path of one of its files is that file alone."""
    table = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [0.5, 1.5, 0.5, 1.5], "c": ["a b", "a b", "c%", "c%"]})
    local = tmp_path / "t"
    write_deltalake(local, table, partition_by=["c"])
    DeltaTable(local).delete("x = 1")
    for path in filter(Path.is_file, local.rglob("*")):
        storage.write(f"{root}/t/{path.relative_to(local)}", path.read_bytes())
    data = {"train": f"{root}/t", "features": ["x"], "label": "y", "where": "c = 'a b'"}
    job = {"name": "t", "data": data, "learner": {"kind": "linear"}, "checkpoint": {"path": str(tmp_path / "job")}}
    dataset = make_plan(load_job(job)).datasets["train"]
    assert (dataset.snapshot, dataset.rows) == (1, 1)
    data |= {"train": f"{root}/one.parquet", "where": None}
    pq.write_table(table, tmp_path / "one.parquet")
    storage.write(f"{root}/one.parquet", (tmp_path / "one.parquet").read_bytes())
    assert make_plan(load_job(job)).datasets["train"].rows == 4


def test_placement_on_a_real_hdfs(root: str, tmp_path: Path) -> None:
    """With two replicas on three hosts and a worker on each, most bytes are read where they are."""
    for number in range(12):
        pq.write_table(pa.table({"x": list(range(1000)), "y": [0.5] * 1000}), tmp_path / "part.parquet")
        storage.write(f"{root}/part-{number:02d}.parquet", (tmp_path / "part.parquet").read_bytes())
    job = {
        "name": "placed",
        "data": {"train": root, "features": ["x"], "label": "y"},
        "learner": {"kind": "linear"},
        "checkpoint": {"path": str(tmp_path / "job")},
    }
    dataset = make_plan(load_job(job)).datasets["train"]
    where = storage.locations(file.url for file in dataset.files)
    shards = shard_bytes(dataset, 6, where)
    workers = dict(enumerate(HOSTS))
    placed = place(shards, racks(where), workers)
    assert racks(where).items() <= RACKS.items()
    assert local_share(placed, dataset, shards, workers) >= 0.5
