"""Folders on a real HDFS, and this process as a user of it."""

from collections.abc import Iterator

import pytest

from tests.hadoop import Hadoop
from yarnml import storage


@pytest.fixture
def hdfs_user(hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a user of the cluster."""
    for name, value in hadoop.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["hdfs", "webhdfs"])
def root(request: pytest.FixtureRequest, hadoop: Hadoop, hdfs_user: None) -> Iterator[str]:
    """A folder on HDFS, by either protocol."""
    yield (url := f"{at(hadoop)[request.param]}/tmp/{request.param}")
    storage.remove(url)


@pytest.fixture
def roots(hadoop: Hadoop, hdfs_user: None) -> Iterator[list[str]]:
    """One folder by both protocols, for what takes long and can be seen by both at once."""
    yield (urls := [f"{url}/tmp/{scheme}" for scheme, url in at(hadoop).items()])
    for url in urls:
        storage.remove(url)


def at(hadoop: Hadoop) -> dict[str, str]:
    """The URL of the cluster's HDFS, by protocol."""
    return {"hdfs": hadoop.hdfs, "webhdfs": hadoop.hdfs_web.replace("http", "webhdfs")}
