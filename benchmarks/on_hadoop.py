"""A Hadoop of processes on this machine, and files on it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hadoop import Hadoop, hadoop
from yarnml import storage


@contextmanager
def started() -> Iterator[tuple[Hadoop, str]]:
    """The cluster, whose user this process and its children become, and a folder on its HDFS."""
    with hadoop() as cluster:
        os.environ.update(cluster.environment)
        yield cluster, f"{cluster.hdfs}/tmp/bench"


def copied(folder: Path, url: str) -> str:
    """Copy the files of a local folder to an URL, where they are not there yet; return the URL."""
    for path in sorted(folder.iterdir()):
        if not storage.exists(f"{url}/{path.name}"):
            storage.write(f"{url}/{path.name}", path.read_bytes())
    return url
