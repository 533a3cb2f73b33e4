"""One form for all names of a place: two jobs in one folder are known for that, however they write it."""

from pathlib import Path

import pytest

from tests.hadoop.configuration import write
from yarnml import storage

SITE = {
    "fs.defaultFS": "hdfs://nn1:9000",
    "dfs.nameservices": "big",
    "dfs.ha.namenodes.big": "a,b",
    "dfs.namenode.rpc-address.big.a": "big-a:8020",
    "dfs.namenode.rpc-address.big.b": "big-b:8020",
    "dfs.namenode.http-address.big.a": "big-a:9870",
    "dfs.namenode.http-address.big.b": "big-b:9870",
}


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf").mkdir()
    write(tmp_path / "conf/core-site.xml", SITE)
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path / "conf"))


SAME = [
    [
        "hdfs:///u/a/j",
        "hdfs:///u/a/j/",
        "hdfs:///u/a//j",
        "hdfs:////u/a/j",
        "hdfs:///u/./a/b/../j",
        "hdfs://nn1:9000/u/a/j",
    ],
    ["hdfs://NN1:9000/u/a/j", "hdfs:///u/a/j", "webhdfs://nn1:9870/u/a/j", "webhdfs:///u/a/j"],
    [
        "hdfs://big/u/a/j",
        "hdfs://big-a:8020/u/a/j",
        "hdfs://big-b/u/a/j/",
        "webhdfs://big-b:9870/u/a/j",
        "webhdfs://big/u/a/j",
    ],
    ["hdfs://other/u/a/j", "hdfs://other:8020/u/a/j"],
    ["/u/a/j", "/u/a/j/", "file:///u/a/j", "file:///u//a/./j/"],
    ["s3://bucket/j", "s3://bucket/j/", "s3://bucket//j"],
]


@pytest.mark.parametrize("names", SAME, ids=lambda names: names[0])
def test_names_of_one_place(names: list[str]) -> None:
    """Slashes, dots, default hosts and ports, the NameNodes of a service and WebHDFS make no other place."""
    assert {storage.canonical(name) for name in names} == {storage.canonical(names[0])}


def test_names_of_other_places() -> None:
    """Another host, port, service or path is another place."""
    places = [
        "hdfs:///u/a/j",
        "hdfs:///u/a/k",
        "hdfs://nn1:8020/u/a/j",
        "hdfs://nn2/u/a/j",
        "hdfs://big/u/a/j",
        "/u/a/j",
    ]
    assert len({storage.canonical(place) for place in places}) == len(places)


def test_a_link_is_the_folder_that_it_leads_to(tmp_path: Path) -> None:
    """On this machine a folder is known by a link to it."""
    (tmp_path / "link").symlink_to(tmp_path)
    assert storage.canonical(f"file://{tmp_path}/link/job") == storage.canonical(f"{tmp_path}/job")
