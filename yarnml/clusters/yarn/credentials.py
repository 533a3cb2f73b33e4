"""The application's own certificate: made at submit, in every container's folder, on HDFS while the job lives."""

from pathlib import Path

import skein

from yarnml import storage
from yarnml.control.credentials import Certificate

# Skein's names of the files in a container and in the staging folder.
CERTIFICATE = ".skein.crt"
KEY = ".skein.pem"

_NAME = "skein-internal"  # the host name that Skein's certificates are made for


def new_security() -> skein.Security:
    """A fresh certificate for one application."""
    return skein.Security.new_credentials()


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
