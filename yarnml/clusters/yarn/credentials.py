"""The application's own certificate: made at submit, in every container's folder, on HDFS while the job lives."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from yarnml import storage
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.credentials import Certificate

# Skein's names of the files in a container and in the staging folder.
CERTIFICATE = ".skein.crt"
KEY = ".skein.pem"

_NAME = "skein-internal"  # the host name that Skein expects in a certificate

CLOCK_MARGIN = datetime.timedelta(days=1)
"""Time that a node's clock may be behind the edge node's."""

VALIDITY = datetime.timedelta(days=3652)
"""Time after which a job can't start processes any more."""


def new_security(now: datetime.datetime | None = None) -> skein.Security:
    """A fresh certificate for one application.

    It is Skein's own but for its dates: that is valid from this second on for a year, so a node whose clock is behind
    would refuse it, and a job that runs for longer would end.

    ``now``: the time of day, None for this machine's.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = now or datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_MARGIN)
        .not_valid_after(now + VALIDITY)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    return skein.Security(
        cert_bytes=certificate.public_bytes(serialization.Encoding.PEM),
        key_bytes=key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
    )


def in_container() -> Certificate:
    """The certificate of the application that this container belongs to."""
    folder = Path(skein.properties.container_dir or ".")
    return Certificate((folder / CERTIFICATE).read_bytes(), (folder / KEY).read_bytes(), _NAME)


def of_application(staging: str) -> tuple[skein.Security, Certificate]:
    """The certificate of a running application, for Skein and for yarnml.

    ``staging``: the URL of its folder, which only its user can read.

    Raises OSError when the application has ended.
    """
    certificate = storage.read(storage.join(staging, CERTIFICATE))
    key = storage.read(storage.join(staging, KEY))
    return skein.Security(cert_bytes=certificate, key_bytes=key), Certificate(certificate, key, _NAME)
