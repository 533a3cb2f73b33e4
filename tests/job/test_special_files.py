"""Pipes, devices and links in circles where a job names files: refused by name, never opened."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.storage.users import folder_of_everybody, ordinary_user
from yarnml.errors import JobFileError
from yarnml.job import user_code
from yarnml.job.load import load_job

JOB: dict[str, Any] = {
    "name": "special",
    "data": {"train": "train.csv", "features": ["x"], "label": "y"},
    "learner": {"kind": "linear"},
}


@pytest.mark.parametrize("place", ["pipe.yaml", "/dev/zero"])
def test_a_job_file_that_is_no_file(tmp_path: Path, place: str) -> None:
    """The command would wait for a pipe, and fill the memory from a device."""
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(JobFileError, match=rf"The job file .*{place} can't be read: .* is a (named pipe|device), not"):
        load_job(tmp_path / place)


def test_a_package_with_a_pipe(tmp_path: Path) -> None:
    """It is refused before the job begins, at any depth of the package."""
    (tmp_path / "own/in").mkdir(parents=True)
    os.mkfifo(tmp_path / "own/in/pipe.py")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB | {"environment": {"files": ["own"]}}))
    with pytest.raises(JobFileError, match=r"environment\.files: .*/own can't be read: .*/own/in/pipe\.py is a named"):
        load_job(tmp_path / "job.yaml")


def test_a_model_that_is_a_pipe(tmp_path: Path) -> None:
    """A learner of the user's own must be in a file."""
    os.mkfifo(tmp_path / "model.py")
    with pytest.raises(JobFileError, match=r"learner\.path: .*/model\.py is a named pipe, not a file"):
        load_job(JOB | {"learner": {"path": f"{tmp_path}/model.py:Model"}})


def test_a_package_with_links_to_itself(tmp_path: Path) -> None:
    """Every file travels once, though two links at each level would name it endlessly often."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.py").write_text("A = 1\n")
    for name in ("one", "two"):
        (tmp_path / "own" / name).symlink_to(".")
    assert user_code.files([str(tmp_path / "own")]) == {"own/a.py": f"{tmp_path}/own/a.py"}


def test_a_package_that_can_not_be_listed() -> None:
    """A folder of it that is closed is an error, not a package without that folder."""
    with folder_of_everybody() as folder:
        (folder / "own/in").mkdir(parents=True)
        (folder / "own/in").chmod(0)
        with (
            ordinary_user(),
            pytest.raises(JobFileError, match=r"environment\.files: .* Permission denied: '.*/own/in'"),
        ):
            user_code.check([str(folder / "own")], None)
        (folder / "own/in").chmod(0o755)
