"""Outages of an HDFS: NameNodes and DataNodes that pause, die and come back under a job."""

import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hadoop import HOSTS, Hadoop
from tests.servers import closed_port
from tests.tiers import cases
from yarnml import storage
from yarnml.data.dataset import inspect, read_group
from yarnml.errors import DataError

pytestmark = [pytest.mark.cluster("yarn"), pytest.mark.usefixtures("hdfs_user")]


def together(acts: Iterable[Callable[[], object]]) -> list[object]:
    """The results of these calls, or their errors; all begin at the same time."""
    with ThreadPoolExecutor(20) as pool:
        begun = [pool.submit(act) for act in acts]
        return [act.exception() or act.result() for act in begun]


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


@pytest.mark.parametrize("root", cases(["hdfs", "webhdfs"], {"hdfs"}), indirect=True)
def test_a_data_node_that_dies(root: str, hadoop: Hadoop) -> None:
    """A file that is being read is read on from the other replica, and a new one is written elsewhere."""
    whole = os.urandom(3_000_000)
    storage.write(f"{root}/x", whole)
    fs, path = storage.arrow(f"{root}/x")

    def hosts() -> tuple[str, ...]:
        return storage.block_hosts(f"{root}/x")[0].hosts

    hadoop.wait_for("both replicas", lambda: len(hosts()) == 2, deadline=30)  # the second is told of later
    number = HOSTS.index(hosts()[0]) + 1
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
