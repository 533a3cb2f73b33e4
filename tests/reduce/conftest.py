"""The credentials with which all-reduces are tried."""

import pytest

from tests.reduce.allreduces import TOKEN
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.credentials import Certificate, Credentials


@pytest.fixture(scope="module", params=["sockets", "flight"])
def credentials(request: pytest.FixtureRequest) -> Credentials:
    """Credentials of one machine's processes, which talk over its sockets, and those of containers."""
    if request.param == "sockets":
        return TOKEN
    pair = skein.Security.new_credentials()
    return Certificate(pair.cert_bytes, pair.key_bytes, "skein-internal")
