"""Skein is imported without setuptools and without distutils, which newer Pythons lack."""

import subprocess
import sys

import pytest

from yarnml.clusters.yarn.skein_import import LooseVersion

WITHOUT = """
import sys

sys.modules |= dict.fromkeys(["distutils", "setuptools", "pkg_resources"])  # each import of them fails
import yarnml.clusters.yarn.containers.application_master
import yarnml.clusters.yarn.edge.client
print("skein" in sys.modules, "distutils.version" in sys.modules)
"""


def test_neither_setuptools_nor_distutils() -> None:
    """A command and a container need neither, and what stood in for them is gone afterwards."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == ("True False\n", 0), done.stderr


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.17.1", "1.18.0"), ("1.9.0", "1.18.0"), ("1.18.0", "1.76.0"), ("0.99", "1.18.0"), ("1.18", "1.18.0")],
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    """Skein asks whether the version of gRPC is before another."""
    assert LooseVersion(older) < newer
    assert not LooseVersion(newer) < older
