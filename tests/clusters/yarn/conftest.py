"""Fixtures of the tests of packing: an environment to pack, and the job that needs it."""

from pathlib import Path

import pytest

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
    """A job without an ``environment`` section: the active environment travels with it."""
    return load_job({"name": "j", "data": {"train": "/x", "features": ["a"], "label": "b"}, "learner": {"kind": "mlp"}})
