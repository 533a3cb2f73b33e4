"""Ed25519 signatures of model versions, beside their files: ``<version>/<fingerprint of the key>.sig``.

A signature is over the digest of model.json, which holds the digests of all other files.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from yarnml import storage
from yarnml.errors import ExportError, JobFileError
from yarnml.model.versions import FORMAT

_SUFFIX = ".sig"


def sign(folder: str, digest: str, key: Ed25519PrivateKey) -> str:
    """Put a signature beside a version, by the ``digest`` of its model.json; returns its file."""
    url = _file(folder, key.public_key())
    try:
        storage.write(url, key.sign(_message(digest)))
    except (OSError, ValueError) as exc:
        raise ExportError(f"The signature {url} can't be written: {exc}") from exc
    return url


def check(folder: str, digest: str, keys: Iterable[Ed25519PublicKey]) -> None:
    """Refuse a version that none of these keys has signed; ExportError says why."""
    reasons = []
    for key in keys:
        url = _file(folder, key)
        try:
            key.verify(storage.read(url), _message(digest))
        except (FileNotFoundError, NotADirectoryError):
            reasons.append(f"key {fingerprint(key)} has not signed it")
        except InvalidSignature:
            reasons.append(f"the signature of key {fingerprint(key)} is of something else")
        except OSError as exc:
            reasons.append(f"{url} can't be read: {exc}")
        else:
            return
    raise ExportError(f"{folder} can't be trusted: {'; '.join(reasons) or 'no key is trusted'}.")


def private_key(path: str | Path, field: str = "--key") -> Ed25519PrivateKey:
    """Read an unencrypted private key, as openssl writes it; ``field``: that names it."""
    try:
        key = load_pem_private_key(Path(path).read_bytes(), None)
    except (OSError, ValueError, TypeError) as exc:
        raise JobFileError(f"{field} {path} can't be read as a private key: {exc}") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise JobFileError(f"{field} {path} must be a private key of Ed25519 (openssl genpkey -algorithm ed25519).")
    return key


def public_key(path: str | Path) -> Ed25519PublicKey:
    """Read a public key, as ``openssl pkey -pubout`` writes it."""
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError, TypeError) as exc:
        raise JobFileError(f"{path} can't be read as a public key: {exc}") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise JobFileError(f"{path} must be a public key of Ed25519 (openssl pkey -pubout).")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """A short name of a key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _file(folder: str, key: Ed25519PublicKey) -> str:
    return storage.join(folder, fingerprint(key) + _SUFFIX)


def _message(digest: str) -> bytes:
    return f"{FORMAT}\n{digest}\n".encode()
