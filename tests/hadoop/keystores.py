"""A private CA and the certificate that it signed for the web services of a cluster, in the files that Java reads."""

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
    """Write ca.pem and truststore.p12 of an authority, and keystore.p12 of a certificate for all these names."""
    folder.mkdir()
    authority_key = ec.generate_private_key(ec.SECP256R1())
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    authority = _builder("authority", "authority", authority_key).add_extension(is_authority, critical=True)
    trusted = authority.sign(authority_key, hashes.SHA256())
    key = ec.generate_private_key(ec.SECP256R1())
    names = [*map(x509.DNSName, hosts), *(x509.IPAddress(ipaddress.ip_address(a)) for a in addresses)]
    named = _builder("hadoop", "authority", key).add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = named.sign(authority_key, hashes.SHA256())
    (folder / "ca.pem").write_bytes(trusted.public_bytes(serialization.Encoding.PEM))
    locked = serialization.BestAvailableEncryption(PASSWORD.encode())
    keystore = pkcs12.serialize_key_and_certificates(b"hadoop", key, certificate, [trusted], locked)
    (folder / "keystore.p12").write_bytes(keystore)
    truststore = pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(trusted, b"authority")], locked)
    (folder / "truststore.p12").write_bytes(truststore)


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """The beginning of a certificate of a key, which is valid for a month."""
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (subject, issuer)
    )
    today = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=30))
    )
