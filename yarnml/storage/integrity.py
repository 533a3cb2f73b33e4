"""Digests that tell whether files are read as they were written.

A folder's JSON document holds the digest of every file beside it, and its own.  A digest is a SHA-256 in hexadecimal.
The document's own is that of its compact JSON without this one entry.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from yarnml import storage

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no document of the type that is wanted."""


class TornFile(Exception):
    """A file is missing, or is not what was written; says which one, and what was expected and found."""


class NoDocument(TornFile):
    """A file is no document with digests at all; says why."""


class UnreadableFile(TornFile):
    """The storage is there and does not give a file; says which one, and what the storage said."""


def seal(document: Mapping[str, Any], field: str, name: str) -> bytes:
    """Return the document for a file ``name``, with its own digest among those in its mapping ``field``."""
    digests = {**document[field], name: _own_digest(document, field, name)}
    return msgspec.json.format(msgspec.json.encode({**document, field: digests}))


def unseal(data: bytes, field: str, name: str) -> dict[str, Any]:
    """Return the document in a file ``name``; TornFile where that is not what `seal` gave, NoDocument for others."""
    try:
        document = msgspec.json.decode(data)
        expected = document[field].get(name)
        actual = _own_digest(document, field, name)
    except (*UNDECODABLE, LookupError, TypeError, AttributeError) as exc:
        raise NoDocument(f"{name} is no document with digests: {exc}") from exc
    compare(name, expected, actual)
    return dict(document)


def check(folder: str, digests: Mapping[str, str | None]) -> None:
    """Read every file of a folder that has a digest, in parts; TornFile names the first that is not as it was.

    Raises OSError where the storage does not tell.
    """
    for name, expected in digests.items():
        with present(name):
            actual = storage.digest(storage.join(folder, name))
        compare(name, expected, actual)


@contextlib.contextmanager
def present(name: str) -> Iterator[None]:
    """Raise TornFile where this block does not find the file ``name``, UnreadableFile where that alone can't be read.

    A storage that is away, and a permission that is missing, are no damage.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
        raise TornFile(f"{name} is missing") from exc
    except OSError as exc:
        if isinstance(exc, PermissionError) or type(exc) is storage.Unavailable:
            raise
        raise UnreadableFile(f"{name} can't be read: {exc}") from exc


def read(folder: str, name: str, expected: str | None) -> bytes:
    """The bytes of a file of a folder; TornFile where they are not those of the ``expected`` digest, see `compare`."""
    with present(name):
        data = storage.read(storage.join(folder, name))
    compare(name, expected, digest_of(data))
    return data


def begins(data: bytes, beginning: bytes) -> bool:
    """Tell whether a damaged file may be the one that began so: one that was cut to less, or to zeros, may."""
    return data.startswith(beginning) or beginning.startswith(data.rstrip(b"\0"))


def digest_of(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def _own_digest(document: Mapping[str, Any], field: str, name: str) -> str:
    digests = {n: d for n, d in document[field].items() if n != name}
    return digest_of(msgspec.json.encode({**document, field: digests}))


def compare(name: str, expected: str | None, actual: str) -> None:
    """Raise TornFile where the digest of the file ``name`` is not the expected one; None: no digest was kept."""
    if expected != actual:
        raise TornFile(
            f"{name} has the SHA-256 {actual[:12]}…, expected {f'{expected[:12]}…' if expected else 'one of its own'}"
        )
