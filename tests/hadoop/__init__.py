"""A real Hadoop in plain processes: HDFS and YARN on three hosts of this machine, each with its own loopback address.

A NameNode and a ResourceManager on 127.0.0.1; a DataNode and a NodeManager each on 127.0.0.2 (rack a), 127.0.0.3 and
127.0.0.4 (rack b); the last has the node label ``gpu`` and two countable GPUs.  Settings, queues and labels are those
of the cluster in ``docker/``; with ``QUICK`` heartbeats come more often.  Several can run side by side.  Nothing
survives the process that started one.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.hadoop.cluster import ROOT, Hadoop
from tests.hadoop.configuration import GPU_HOST, HOSTS, QUICK, QUICK_INSIDE, RACKS

__all__ = ["GPU_HOST", "HOSTS", "QUICK", "QUICK_INSIDE", "RACKS", "Hadoop", "hadoop", "start_hadoop"]


def start_hadoop(folder: Path, changes: Mapping[str, str] = {}, inside: Mapping[str, str] = {}) -> Hadoop:
    """Start a cluster whose files are under ``folder``, which ``close`` removes.

    ``changes`` are properties of yarn-site.xml, ``inside`` those that only NodeManagers and containers see.
    """
    subprocess.run([ROOT / "docker/hadoop-home"], check=True)
    cluster = Hadoop(folder, changes, inside)
    try:
        for name in cluster.daemons:
            cluster.start(name)
        cluster.wait_until_ready()
    except BaseException:
        cluster.close()
        raise
    return cluster


@contextmanager
def hadoop(changes: Mapping[str, str] = {}, inside: Mapping[str, str] = {}) -> Iterator[Hadoop]:
    """A cluster for the length of a block; see `start_hadoop`."""
    cluster = start_hadoop(Path(tempfile.mkdtemp(prefix="yarnml-hadoop-")), changes, inside)
    try:
        yield cluster
    finally:
        cluster.close()
