"""The truststores that Java's own keytool writes are read."""

import os
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.hadoop.configuration import write
from tests.hadoop.keystores import PASSWORD, write_keystores
from tests.hadoop.lines import java_home
from yarnml.errors import JobFileError
from yarnml.storage.hadoop_config import Configuration
from yarnml.storage.security.truststore import AUTHORITIES, certificates, export


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


def test_libraries_that_know_no_truststore(
    tls: Path, authority: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They find its authority, and those from before, by the usual variable; a second time nothing changes."""
    write(
        tmp_path / "ssl-client.xml",
        {
            "ssl.client.truststore.location": str(tls / "truststore.p12"),
            "ssl.client.truststore.password": PASSWORD,
        },
    )
    monkeypatch.setenv(AUTHORITIES, str(tls / "before.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", "")
    (tls / "before.pem").write_text("what was there\n")
    settings = Configuration(tmp_path, {})
    export(settings)
    file = os.environ[AUTHORITIES]
    assert Path(file).read_text() == "what was there\n\n" + ssl.DER_cert_to_PEM_cert(authority)
    export(settings)
    assert os.environ[AUTHORITIES] == file
