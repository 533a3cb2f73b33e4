"""A private CA whose certificate the web services of a cluster show, in the files that Java reads."""

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

PASSWORD = "changeit"
"""Java's own password for truststores."""


def write_keystores(folder: Path, addresses: Iterable[str], hosts: Iterable[str]) -> None:
    """Write keystore.p12, truststore.p12 and ca.pem of one certificate, which signs itself, for all these names."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hadoop")])
    names = [*map(x509.DNSName, hosts), *(x509.IPAddress(ipaddress.ip_address(a)) for a in addresses)]
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    keystore = pkcs12.serialize_key_and_certificates(b"hadoop", key, certificate, None, locked)
    (folder / "keystore.p12").write_bytes(keystore)
    truststore = pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(certificate, b"hadoop")], locked)
    (folder / "truststore.p12").write_bytes(truststore)
