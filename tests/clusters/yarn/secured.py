"""A secured cluster for the tests of a module, and the corner of its user Ann."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.applications import USER, Cluster
from tests.hadoop import QUICK, QUICK_INSIDE, SecureHadoop, secure_hadoop
from tests.hadoop.kdc import missing_programs
from yarnml import storage

NEEDS_KERBEROS = pytest.mark.skipif(
    bool(missing_programs()), reason=f"MIT Kerberos is not here: {', '.join(missing_programs())}"
)


@contextmanager
def secured_hadoop(token_seconds: int = 0) -> Iterator[SecureHadoop]:
    """Run a secured cluster, whose user Ann this process is; ``token_seconds``: see `KerberosAccess`."""
    with secure_hadoop(QUICK, QUICK_INSIDE, token_seconds) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.hadoop.environment.items():
            patch.setenv(name, value)
        yield running


def corner_of_ann(secured: SecureHadoop, digits: Path, folder: Path) -> Cluster:
    """The corner of Ann, with the digits on HDFS and a folder here."""
    client = Cluster(secured.hadoop, folder)
    for part in ("train", "test"):
        for file in (digits / part).iterdir():
            storage.write(f"{secured.hadoop.hdfs}{USER}/digits/{part}/{file.name}", file.read_bytes())
    return client
