"""The cluster of Docker containers with Kerberos does what ``docker/README.md`` says."""

import re

import pytest

from tests.clusters.docker import commands, edge_of

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]


def test_with_kerberos() -> None:
    """Its commands, as they stand there, end with a model and a log, with a principal of its own for every host."""
    with edge_of("cluster-secure") as edge:
        outputs = [
            edge(*line.split(), typed="bob\n" if line == "kinit" else "") for line in commands("## With Kerberos")
        ]
        assert len(outputs) == 4
        assert "bob@YARNML.TEST submitted this job" in outputs[2]
        assert "model.safetensors" in outputs[3]
        (application,) = set(re.findall(r"application_\d+_\d+", outputs[2]))
        assert "==> worker 0 on worker" in edge("yarnml", "logs", application)
        edge("kinit", "-k", "-t", "/users/bob.keytab", "bob")
