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


def copied(here: Path, there: str) -> str:
    """The folder ``there``, with the files that are in ``here``."""
    for path in sorted(here.iterdir()):
        if not storage.exists(f"{there}/{path.name}"):
            storage.write(f"{there}/{path.name}", path.read_bytes())
    return there
