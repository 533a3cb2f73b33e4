"""Logging in by a keytab, for who can't type a password: services on the edge node, and masters of long jobs."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from yarnml.errors import ClusterError, JobFileError
from yarnml.storage.security import gssapi

VARIABLE = "KRB5_CLIENT_KTNAME"
"""The variable by which Kerberos, and so hdfs-native, finds a keytab and logs in whenever a ticket has ended."""

CACHE = "KRB5CCNAME"


def in_use() -> bool:
    """Tell whether this process logs in by a keytab."""
    return VARIABLE in os.environ


def use(keytab: Path, principal: str, cache: Path) -> None:
    """Have this process, and those that it starts, log in by a keytab; ClusterError where it can't.

    ``principal``: whose key to take.
    ``cache``: a file for the tickets, of this process alone.
    """
    if not keytab.is_file() or not os.access(keytab, os.R_OK):
        raise JobFileError(f"--keytab {keytab} is not a file that can be read; give the keytab of {principal}.")
    os.environ[VARIABLE] = f"FILE:{keytab.absolute()}"
    os.environ[CACHE] = f"FILE:{cache.absolute()}"
    try:
        gssapi.log_in(principal)
    except PermissionError as exc:
        raise ClusterError(f"{principal} can't log in by the keytab {keytab}: {exc}.") from exc


@contextmanager
def used(keytab: Path, principal: str) -> Iterator[None]:
    """Log in by a keytab for the length of a block, beside whatever ticket the user has."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in (VARIABLE, CACHE)}
    with tempfile.TemporaryDirectory(prefix="yarnml-tickets-") as folder:
        try:
            use(keytab, principal, Path(folder, "tickets"))
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
