"""A real Hadoop in plain processes: HDFS and YARN on three hosts of this machine, each with its own loopback address.

A NameNode and a ResourceManager on 127.0.0.1; a DataNode and a NodeManager each on 127.0.0.2 (rack a), 127.0.0.3 and
127.0.0.4 (rack b); the last has the node label ``gpu`` and two countable GPUs.  Settings, queues and labels are those
of the cluster in ``docker/``; with ``QUICK`` heartbeats come more often.  Several can run side by side.  Nothing
survives the process that started one.
"""

import getpass
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.hadoop.access import Access, OpenAccess
from tests.hadoop.cluster import Hadoop
from tests.hadoop.configuration import GPU_HOST, HOSTS, QUICK, QUICK_INSIDE, RACKS, admin_variables
from tests.hadoop.federation import Federation
from tests.hadoop.high_availability import TwoMasters
from tests.hadoop.kerberos import KerberosAccess
from tests.hadoop.lines import ROOT
from tests.hadoop.masters import MakeMasters, SingleMasters

__all__ = [
    "GPU_HOST",
    "HOSTS",
    "QUICK",
    "QUICK_INSIDE",
    "RACKS",
    "Federation",
    "Hadoop",
    "SecureHadoop",
    "TwoMasters",
    "admin_variables",
    "hadoop",
    "secure_hadoop",
    "start_hadoop",
]


def start_hadoop(
    folder: Path,
    changes: Mapping[str, str] = {},
    inside: Mapping[str, str] = {},
    access: Access | None = None,
    *,
    masters: MakeMasters = SingleMasters,
    hosts: Sequence[str] = HOSTS,
) -> Hadoop:
    """Start a cluster whose files are under ``folder``, which ``close`` removes.

    ``changes`` are properties of yarn-site.xml, ``inside`` those that only NodeManagers and containers see.
    ``access``: how it knows its users; without one it believes everybody.
    ``masters``: its NameNodes and ResourceManagers, such as `TwoMasters` and `Federation`.
    ``hosts``: those with a DataNode and a NodeManager; none where masters alone are enough.
    """
    subprocess.run([ROOT / "docker/hadoop-home"], check=True)
    access = access or OpenAccess(frozenset({getpass.getuser(), "alice"}))
    cluster = Hadoop(folder, changes, inside, access, masters(folder, access), hosts)
    try:
        for name in cluster.daemons:
            cluster.start(name)
        cluster.wait_until_ready()
    except BaseException:
        cluster.close()
        raise
    return cluster


class SecureHadoop(NamedTuple):
    """A secured cluster, and the keys to it."""

    hadoop: Hadoop
    access: KerberosAccess

    def make_zone(self, path: str, owner: str) -> None:
        """Make a new folder of a user's, which is an encryption zone."""
        keys = self.access.key_server
        self.access.http(
            f"{keys.url}/keys", "POST", {"name": keys.KEY, "cipher": "AES/CTR/NoPadding", "length": 128}, "hdfs"
        )
        self.hadoop.webhdfs(path, "MKDIRS&permission=700", "PUT")
        line = ("hdfs", "crypto", "-createZone", "-keyName", keys.KEY, "-path", path)
        done = self.hadoop.command(*line, user="hdfs")
        assert done.returncode == 0, done.stdout + done.stderr
        self.hadoop.webhdfs(path, f"SETOWNER&owner={owner}", "PUT")


@contextmanager
def secure_hadoop(
    changes: Mapping[str, str] = {},
    inside: Mapping[str, str] = {},
    token_seconds: int = 0,
    settings: Mapping[str, Mapping[str, str]] = {},
    *,
    masters: MakeMasters = SingleMasters,
    hosts: Sequence[str] = HOSTS,
) -> Iterator[SecureHadoop]:
    """A cluster with Kerberos and encryption for the length of a block, and what makes it so; see `KerberosAccess`."""
    subprocess.run([ROOT / "docker/hadoop-home", "--native"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="yarnml-hadoop-"))
    access = KerberosAccess(folder, ROOT / ".hadoop/native", token_seconds, settings)
    cluster = start_hadoop(folder, changes, inside, access, masters=masters, hosts=hosts)
    try:
        yield SecureHadoop(cluster, access)
    finally:
        cluster.close()


@contextmanager
def hadoop(
    changes: Mapping[str, str] = {},
    inside: Mapping[str, str] = {},
    *,
    masters: MakeMasters = SingleMasters,
    hosts: Sequence[str] = HOSTS,
) -> Iterator[Hadoop]:
    """A cluster for the length of a block; see `start_hadoop`."""
    folder = Path(tempfile.mkdtemp(prefix="yarnml-hadoop-"))
    cluster = start_hadoop(folder, changes, inside, masters=masters, hosts=hosts)
    try:
        yield cluster
    finally:
        cluster.close()
