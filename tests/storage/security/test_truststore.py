"""The truststores that Java's own keytool writes are read."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.hadoop.keystores import PASSWORD, write_keystores
from tests.hadoop.lines import java_home
from yarnml.errors import JobFileError
from yarnml.storage.security.truststore import certificates


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "tls"
    write_keystores(folder, ["127.0.0.1"], ["localhost"])
    return folder


@pytest.fixture(scope="module")
def authority(tls: Path) -> bytes:
    return x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_keytool(tls: Path, authority: bytes, kind: str) -> None:
    """Both kinds; Java's own needs no password."""
    store = tls / kind
    line = [f"{java_home()}/bin/keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", tls / "ca.pem"]
    line += ["-keystore", store, "-storetype", kind, "-storepass", PASSWORD]
    subprocess.run(line, check=True, capture_output=True)
    assert certificates(store, PASSWORD) == [authority]
    if kind == "JKS":
        assert certificates(store, None) == [authority]
    else:
        with pytest.raises(JobFileError, match="truststore"):
            certificates(store, "another")


@pytest.mark.parametrize("content", [b"", b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1", b"-----BEGIN CERTIFICATE-----"])
def test_no_truststore(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store").write_bytes(content)
    with pytest.raises(JobFileError, match=r"named by Hadoop's ssl-client.xml, can't be read.*SSL_CERT_FILE"):
        certificates(tmp_path / "store", None)
