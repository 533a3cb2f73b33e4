"""The certificate authorities that a cluster trusts, from the truststore that Hadoop's ssl-client.xml names.

Companies sign their clusters' certificates with a CA of their own, which Java knows from there and Python does not.
"""

import atexit
import os
import ssl
import struct
import tempfile
import threading
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from yarnml.errors import JobFileError
from yarnml.storage.hadoop_config import Configuration, properties

AUTHORITIES = "SSL_CERT_FILE"
"""The variable by which OpenSSL, and so Python, and hdfs-native find the authorities that they trust."""

_FOLDER = "SSL_CERT_DIR"
_lock = threading.Lock()
_written: dict["Truststore", str] = {}

_JKS_MAGIC = 0xFEEDFEED
_JCEKS_MAGIC = 0xCECECECE
_KEY = 1
_CERTIFICATE = 2


class Truststore(NamedTuple):
    """A file of certificates that are trusted; ``path`` is None where there is none."""

    path: Path | None
    password: str | None


def tls_context(settings: Configuration) -> ssl.SSLContext:
    """A client's context that trusts what the system trusts, SSL_CERT_FILE, and the cluster's truststore."""
    if settings.folder is None:
        return ssl.create_default_context()
    path = _client_file(settings.folder, settings)
    modified = path.stat().st_mtime if path.exists() else None
    return _context(path, modified, os.environ.get(AUTHORITIES))


def of_cluster(settings: Configuration) -> Truststore:
    """The truststore that the cluster's clients use."""
    path = _client_file(settings.folder, settings) if settings.folder else None
    return _named_by(path) if path and path.exists() else Truststore(None, None)


def export(settings: Configuration) -> None:
    """Have libraries that know no truststore trust the cluster's, too: hdfs-native asks the key server by HTTPS.

    From now on the variable SSL_CERT_FILE names a file of this process with what it named before and the truststore.
    Raises JobFileError where the truststore can't be read.
    """
    store = of_cluster(settings)
    if not store.path:
        return
    with _lock:
        if store in _written and os.environ.get(AUTHORITIES) == _written[store]:
            return
        system = ssl.get_default_verify_paths()
        parts = [Path(system.cafile).read_text()] if system.cafile else []
        parts += [ssl.DER_cert_to_PEM_cert(certificate) for certificate in certificates(store.path, store.password)]
        handle, file = tempfile.mkstemp(prefix="yarnml-", suffix=".pem")
        with os.fdopen(handle, "w") as written:
            written.write("\n".join(parts))
        atexit.register(os.unlink, file)
        os.environ[AUTHORITIES] = _written[store] = file
        if system.capath:  # a library that has the variable of the file looks no further
            os.environ.setdefault(_FOLDER, system.capath)


def _client_file(folder: Path, settings: Configuration) -> Path:
    return Path(folder, settings.get("hadoop.ssl.client.conf", "ssl-client.xml"))


def _named_by(path: Path) -> Truststore:
    """The truststore that an ssl-client.xml names."""
    client = properties(path)
    store = client.get("ssl.client.truststore.location", "")
    return Truststore(Path(store) if store else None, client.get("ssl.client.truststore.password"))


@lru_cache(maxsize=8)
def _context(path: Path, modified: float | None, system: str | None) -> ssl.SSLContext:
    """The context; all arguments but ``path`` are there so that a change of theirs makes a new one."""
    context = ssl.create_default_context()
    store = _named_by(path) if modified is not None else Truststore(None, None)
    if store.path:
        for certificate in certificates(store.path, store.password):
            context.load_verify_locations(cadata=certificate)
    return context


def certificates(store: Path, password: str | None) -> list[bytes]:
    """The trusted certificates, DER, of a truststore of Java's kinds JKS and PKCS12.

    ``password``: JKS can be read without one.

    Raises JobFileError where there is no such file, or it can't be read.
    """
    try:
        data = store.read_bytes()
        if data[:4] == _JKS_MAGIC.to_bytes(4):
            return _from_jks(data)
        return _from_pkcs12(data, password)
    except (OSError, ValueError, struct.error) as exc:
        raise JobFileError(
            f"The truststore {store}, named by Hadoop's ssl-client.xml, can't be read: {exc}; correct it, or set "
            "SSL_CERT_FILE to the CA's certificate and leave the truststore out."
        ) from exc


def _from_pkcs12(data: bytes, password: str | None) -> list[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

    loaded = pkcs12.load_pkcs12(data, password.encode() if password else None)
    entries = [*([loaded.cert] if loaded.cert else []), *loaded.additional_certs]
    return [entry.certificate.public_bytes(Encoding.DER) for entry in entries]


def _from_jks(data: bytes) -> list[bytes]:
    """Read Java's own format: certificates stand in it as they are, only keys are encrypted."""
    stream = BytesIO(data)
    _, version, count = struct.unpack(">III", stream.read(12))
    trusted = []
    for _ in range(count):
        (tag,) = struct.unpack(">I", stream.read(4))
        _text(stream)  # its alias
        stream.read(8)  # when it was added
        if tag == _CERTIFICATE:
            trusted.append(_certificate(stream, version))
        elif tag == _KEY:
            stream.read(*struct.unpack(">I", stream.read(4)))
            (chain,) = struct.unpack(">I", stream.read(4))
            for _ in range(chain):
                _certificate(stream, version)
        else:
            raise ValueError(f"an entry of the unknown kind {tag}")
    return trusted


def _certificate(stream: BytesIO, version: int) -> bytes:
    if version == 2:
        _text(stream)  # its type, X.509
    return stream.read(*struct.unpack(">I", stream.read(4)))


def _text(stream: BytesIO) -> bytes:
    return stream.read(*struct.unpack(">H", stream.read(2)))
