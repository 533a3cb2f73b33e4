"""Fixtures of these tests: an environment to pack, the job that needs it, and the model that a job should have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.applications import Cluster
from tests.environments import Venv, write
from yarnml.job.load import load_job
from yarnml.job.spec import Job


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    """An environment with yarnml (its version alone), a package with data and tests, a module, a .pth file."""
    made = Venv(tmp_path / "venv")
    made.install("yarnml", {"yarnml/__init__.py": "__version__ = '0.1.0'\n"})
    files = {
        "tool/__init__.py": "n = 1\n",
        "tool/data.txt": "text",
        "tool/tests/test_n.py": "",
        "tool/old.py": "print 1",
    }
    made.install("tool", files, entry_points__txt="[things]\na = tool:n\n")
    write(made.site / "loose.py", "n = 2\n")
    write(made.site / "starts.pth", "import os; os.environ['STARTED'] = 'yes'\n")
    return made


@pytest.fixture
def job() -> Job:
    """A job with which the whole active environment travels."""
    data = {"train": "/x", "features": ["a"], "label": "b"}
    return load_job(
        {"name": "j", "data": data, "learner": {"kind": "mlp"}, "environment": {"packages": "all"}},
    )


@pytest.fixture(scope="module")
def model(cluster: Cluster, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Path]:
    """Trains a job as ``yarnml run`` does, in this process and from local files; the folder of its model."""

    def run(job: dict[str, Any]) -> Path:
        folder = tmp_path_factory.mktemp("undisturbed")
        data = job["data"] | {"train": str(digits / "train"), "test": str(digits / "test")}
        learner = job["learner"]
        if "path" in learner:
            learner = learner | {"path": str(cluster.folder / learner["path"])}
        places = {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}
        yarnml.run(job | {"name": "undisturbed", "data": data, "learner": learner} | places, "inline")
        return folder / "models" / "1"

    return run
