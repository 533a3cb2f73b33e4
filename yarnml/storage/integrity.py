"""What is read is what was written: a folder's JSON document holds the digest of every file beside it, and its own.

A digest is a SHA-256 in hexadecimal.  The document's own is that of its compact JSON without this one entry.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from yarnml import storage


class TornFile(Exception):
    """A file is missing, or is not what was written; says which one, and what was expected and found."""


def seal(document: Mapping[str, Any], field: str, name: str) -> bytes:
    """The document for a file ``name``, with its own digest among those in its mapping ``field``."""
    digests = {**document[field], name: _own(document, field, name)}
    return msgspec.json.format(msgspec.json.encode({**document, field: digests}))


def unseal(data: bytes, field: str, name: str) -> dict[str, Any]:
    """The document in a file ``name``; TornFile where it is not what `seal` gave."""
    try:
        document = msgspec.json.decode(data)
        told, found = document[field].get(name), _own(document, field, name)
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, AttributeError) as exc:
        raise TornFile(f"{name} is no document with digests: {exc}") from exc
    compare(name, told, found)
    return dict(document)


def check(folder: str, digests: Mapping[str, str]) -> None:
    """Read every file of a folder that has a digest, in parts; TornFile names the first that is not as it was.

    Raises OSError where the storage does not tell.
    """
    for name, digest in digests.items():
        with present(name):
            found = storage.digest(storage.join(folder, name))
        compare(name, digest, found)


@contextlib.contextmanager
def present(name: str) -> Iterator[None]:
    """Where this block does not find the file ``name``, that is a TornFile."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
        raise TornFile(f"{name} is missing") from exc


def digest_of(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def _own(document: Mapping[str, Any], field: str, name: str) -> str:
    others = {n: d for n, d in document[field].items() if n != name}
    return digest_of(msgspec.json.encode({**document, field: others}))


def compare(name: str, told: str | None, found: str) -> None:
    """TornFile where the digest of the file ``name`` is not the one that was told."""
    if told != found:
        raise TornFile(
            f"{name} has the SHA-256 {found[:12]}…, expected {f'{told[:12]}…' if told else 'one of its own'}"
        )
