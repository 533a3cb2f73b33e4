"""A secured cluster for the tests of a module, and the corner of its user Ann."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.applications import USER, Cluster
from tests.hadoop import HOSTS, QUICK, QUICK_INSIDE, Hadoop, SecureHadoop, secure_hadoop
from tests.hadoop.kdc import missing_programs
from tests.hadoop.masters import MakeMasters, SingleMasters
from yarnml import storage

NEEDS_KERBEROS = pytest.mark.skipif(
    bool(missing_programs()), reason=f"MIT Kerberos is not here: {', '.join(missing_programs())}"
)


@contextmanager
def secured_hadoop(
    token_seconds: int = 0, masters: MakeMasters = SingleMasters, hosts: Sequence[str] = HOSTS
) -> Iterator[SecureHadoop]:
    """Run a secured cluster, whose user Ann this process is; ``token_seconds``: see `KerberosAccess`."""
    with (
        secure_hadoop(QUICK, QUICK_INSIDE, token_seconds, masters=masters, hosts=hosts) as running,
        used(running.hadoop),
    ):
        yield running


@contextmanager
def used(hadoop: Hadoop) -> Iterator[Hadoop]:
    """Have this process use a cluster, as the user whom its environment names."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in hadoop.environment.items():
            patch.setenv(name, value)
        yield hadoop


def corner_of_ann(secured: SecureHadoop, digits: Path, folder: Path) -> Cluster:
    """The corner of Ann, with the digits on HDFS and a folder here."""
    return corner(secured.hadoop, digits, folder)


def corner(hadoop: Hadoop, digits: Path, folder: Path) -> Cluster:
    """The corner of this process' user on a cluster that its environment names."""
    client = Cluster(hadoop, folder)
    for part in ("train", "test"):
        for file in (digits / part).iterdir():
            storage.write(f"{hadoop.hdfs}{USER}/digits/{part}/{file.name}", file.read_bytes())
    return client
