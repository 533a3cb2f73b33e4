"""Logging in by a keytab, for who can't type a password: services on the edge node, and masters of long jobs."""

import os
import struct
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from yarnml.errors import ClusterError, JobFileError
from yarnml.storage.security import gssapi, kerberos

VARIABLE = "KRB5_CLIENT_KTNAME"
"""The variable by which Kerberos, and so hdfs-native, finds a keytab and logs in whenever a ticket has ended."""

CACHE = "KRB5CCNAME"

_VERSION = b"\x05\x02"


def in_use() -> bool:
    """Tell whether this process logs in by a keytab."""
    return VARIABLE in os.environ


def use(keytab: Path, principal: str, cache: Path) -> None:
    """Have this process, and those that it starts, log in by a keytab; ClusterError where it can't.

    ``principal``: whose key to take.
    ``cache``: a file for the tickets, of this process alone.
    """
    if fault := fault_of(keytab, principal):
        raise JobFileError(f"--keytab {keytab} {fault}; give the keytab of {principal}.")
    os.environ[VARIABLE] = f"FILE:{keytab.absolute()}"
    os.environ[CACHE] = f"FILE:{cache.absolute()}"
    try:
        gssapi.log_in(principal)
    except PermissionError as exc:
        raise ClusterError(f"{principal} can't log in by the keytab {keytab}: {exc}.") from exc


def fault_of(keytab: Path, principal: str = "") -> str:
    """Find out why nobody can log in by a keytab, in words; empty where its file has a key.

    ``principal``: whose key is looked for; empty for anybody's.
    """
    try:
        owners = principals(keytab.read_bytes())
    except OSError:
        return "is not a file that can be read"
    except ValueError:
        return "is not a keytab"
    if not owners:
        return "has no keys"
    whole = principal if "@" in principal else f"{principal}@{kerberos.default_realm()}"
    return "" if not principal or whole in owners else f"has keys of {', '.join(owners)} alone"


def principals(data: bytes) -> list[str]:
    """The principals whose keys a keytab of MIT's format has, each once; ValueError for another file.

    An entry begins with its size, which is negative where it was deleted, the count of the name's components, the realm
    and the components.
    """
    stream = BytesIO(data)
    if stream.read(2) != _VERSION:
        raise ValueError("it does not begin as a keytab")
    owners: dict[str, None] = {}
    try:
        while size := stream.read(4):
            (length,) = struct.unpack(">i", size)
            entry = BytesIO(stream.read(abs(length)))
            if length > 0:
                (components,) = struct.unpack(">H", entry.read(2))
                realm, *names = (_counted(entry) for _ in range(components + 1))
                owners[f"{'/'.join(names)}@{realm}"] = None
    except (struct.error, UnicodeDecodeError) as exc:
        raise ValueError("an entry of a keytab that ends too early") from exc
    return [*owners]


def _counted(stream: BytesIO) -> str:
    return stream.read(*struct.unpack(">H", stream.read(2))).decode()


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
