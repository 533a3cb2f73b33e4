"""The application's own certificate: made at submit, in every container's folder, on HDFS while the job lives."""

from pathlib import Path

import skein

from yarnml import storage
from yarnml.control.credentials import Certificate

CERTIFICATE, KEY = ".skein.crt", ".skein.pem"
_NAME = "skein-internal"  # what Skein's certificates are made for


def new_security() -> skein.Security:
    """A fresh certificate for one application."""
    return skein.Security.new_credentials()


def in_container() -> Certificate:
    """Of the application that this container belongs to."""
    folder = Path(skein.properties.container_dir or ".")
    return Certificate((folder / CERTIFICATE).read_bytes(), (folder / KEY).read_bytes(), _NAME)


def of_application(staging: str) -> tuple[skein.Security, Certificate]:
    """Of a running application, from its staging folder, which only its user can read; OSError when it has ended."""
    certificate = storage.read(storage.join(staging, CERTIFICATE))
    key = storage.read(storage.join(staging, KEY))
    return skein.Security(cert_bytes=certificate, key_bytes=key), Certificate(certificate, key, _NAME)
