"""HDFS as it is when things go wrong: errors of one sentence, outages; and where its blocks are."""

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Job
from tests.hadoop import HOSTS, RACKS, Hadoop
from tests.servers import closed_port, quickly
from yarnml import runner, storage
from yarnml.data.dataset import inspect, read_group
from yarnml.data.plan import make_plan
from yarnml.data.shards import pieces
from yarnml.errors import DataError
from yarnml.job.load import load_job
from yarnml.master.placement import local_share, place, racks, shard_bytes

pytestmark = pytest.mark.cluster("commands")


@pytest.fixture(autouse=True)
def _user(hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a user of the cluster."""
    for name, value in hadoop.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["hdfs", "webhdfs"])
def root(request: pytest.FixtureRequest, hadoop: Hadoop) -> Iterator[str]:
    """A folder on HDFS, by either protocol."""
    yield (url := f"{at(hadoop)[request.param]}/tmp/{request.param}")
    storage.remove(url)


@pytest.fixture
def roots(hadoop: Hadoop) -> Iterator[list[str]]:
    """One folder by both protocols, for what takes long and can be seen by both at once."""
    yield (urls := [f"{url}/tmp/{scheme}" for scheme, url in at(hadoop).items()])
    for url in urls:
        storage.remove(url)


def at(hadoop: Hadoop) -> dict[str, str]:
    """The URL of the cluster's HDFS, by protocol."""
    return {"hdfs": hadoop.hdfs, "webhdfs": hadoop.hdfs_web.replace("http", "webhdfs")}


def together(acts: Iterable[Callable[[], object]]) -> list[object]:
    """The results of these calls, or their errors; all begin at the same time."""
    with ThreadPoolExecutor(20) as pool:
        begun = [pool.submit(act) for act in acts]
        return [act.exception() or act.result() for act in begun]


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


def test_a_name_node_that_pauses(roots: list[str], hadoop: Hadoop) -> None:
    """All operations outlast a NameNode that is silent for longer than one call waits, and have happened once."""
    for root in roots:
        for name in ("old/a", "gone/a", "x"):
            storage.write(f"{root}/{name}", name.encode())
    resuming = threading.Timer(17, lambda: hadoop.resume("namenode"))
    hadoop.stop("namenode")
    resuming.start()
    try:
        with storage.patience():
            done = together(act for root in roots for act in operations(root))
    finally:
        resuming.join()
    assert done == 2 * [b"x", None, None, None]
    for root in roots:
        assert storage.names(root) == ["new", "x", "y"]
        assert storage.read(f"{root}/y") == b"y"


def operations(root: str) -> list[Callable[[], object]]:
    """One of each kind: read, write, rename, remove."""
    return [
        lambda: storage.read(f"{root}/x"),
        lambda: storage.write(f"{root}/y", b"y"),
        lambda: storage.rename(f"{root}/old", f"{root}/new"),
        lambda: storage.remove(f"{root}/gone"),
    ]


def test_a_name_node_that_is_started_again(roots: list[str], hadoop: Hadoop, capfd: pytest.CaptureFixture[str]) -> None:
    """Reads by pyarrow and writes outlast the death of the NameNode, and say what they wait for."""
    for root in roots:
        storage.write(f"{root}/x", b"x" * 100)
    opened = [storage.arrow(f"{root}/x") for root in roots]
    hadoop.kill("namenode")
    starting = threading.Timer(3, lambda: hadoop.start("namenode"))
    starting.start()
    try:
        with storage.patience(120):
            assert together(partial(_read, *file) for file in opened) == 2 * [b"x" * 100]
            for root in roots:
                storage.write(f"{root}/y", b"y")
                assert storage.read(f"{root}/y") == b"y"
    finally:
        starting.join()
        hadoop.wait_until_ready()
    output = capfd.readouterr().err
    for address in (hadoop.hdfs.removeprefix("hdfs://"), hadoop.hdfs_web.removeprefix("http://")):
        assert re.search(rf"{address}.*trying again for up to 120 s", output)


def _read(fs: Any, path: str) -> object:
    with fs.open_input_file(path) as file:
        return file.read()


def test_a_data_node_that_dies(root: str, hadoop: Hadoop) -> None:
    """A file that is being read is read on from the other replica, and a new one is written elsewhere."""
    whole = os.urandom(3_000_000)
    storage.write(f"{root}/x", whole)
    fs, path = storage.arrow(f"{root}/x")
    number = HOSTS.index(storage.block_hosts(f"{root}/x")[0].hosts[0]) + 1
    with fs.open_input_file(path) as file:
        head = file.read(1000)
        hadoop.kill(f"datanode-{number}")
        try:
            with storage.patience():
                assert head + file.read() == whole
                storage.write(f"{root}/y", whole)
                assert storage.read(f"{root}/y") == whole
            for name in "stuvw" if root.startswith("webhdfs") else "":  # also who is not patient is sent elsewhere
                storage.write(f"{root}/{name}", whole)
        finally:
            hadoop.start(f"datanode-{number}")
            hadoop.wait_until_ready()


def test_high_availability(hadoop: Hadoop, silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name service works when its first NameNode is dead, or accepts connections and is silent."""
    (tmp_path / "conf").mkdir()
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path / "conf"))
    for number, first in enumerate([f"127.0.0.1:{closed_port()}", silent]):
        name = f"service{number}"
        settings = {
            "dfs.nameservices": name,
            f"dfs.ha.namenodes.{name}": "nn1,nn2",
            f"dfs.namenode.rpc-address.{name}.nn1": first,
            f"dfs.namenode.rpc-address.{name}.nn2": hadoop.hdfs.removeprefix("hdfs://"),
            f"dfs.namenode.http-address.{name}.nn1": first,
            f"dfs.namenode.http-address.{name}.nn2": hadoop.hdfs_web.removeprefix("http://"),
            "dfs.client.use.datanode.hostname": "true",
        }
        lines = [f"<property><name>{key}</name><value>{value}</value></property>" for key, value in settings.items()]
        (tmp_path / "conf/hdfs-site.xml").write_text(f"<configuration>{''.join(lines)}</configuration>")
        schemes = ("hdfs", "webhdfs")  # each has to find out by itself
        assert together(partial(storage.exists, f"{scheme}://{name}/tmp") for scheme in schemes) == [True, True]
        storage.write(f"hdfs://{name}/tmp/{name}", b"x")
        assert storage.read(f"webhdfs://{name}/tmp/{name}") == b"x"
        assert len(storage.block_hosts(f"hdfs://{name}/tmp/{name}")) == 1
        storage.remove(f"hdfs://{name}/tmp/{name}")


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


def test_data_that_goes_away(roots: list[str], hadoop: Hadoop, tmp_path: Path) -> None:
    """A file that can't be reached any more is not called a broken file, in the words of who reads it."""
    pq.write_table(pa.table({"x": [1.0], "y": [1.0]}), tmp_path / "part.parquet")
    reads = []
    for root in roots:
        storage.write(f"{root}/part.parquet", (tmp_path / "part.parquet").read_bytes())
        dataset, stored = inspect(f"{root}/part.parquet", "auto", "data.train")
        reads.append(partial(read_group, dataset, 0, 0, stored))
    hadoop.stop("namenode")
    try:
        errors = together(reads)
    finally:
        hadoop.resume("namenode")
    for error in errors:
        assert isinstance(error, DataError)
        assert re.search(r"was there when the job began, but can't be read: .* no answer within", str(error))
