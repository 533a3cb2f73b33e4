"""The Python of a node: one that does not fit the packed environment is named, with what it lacks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.environments import BASE_PYTHON, PYTHON, VERSION, Venv, container, silent, start, with_python, write
from yarnml.clusters.yarn.packaging.provision import provide
from yarnml.job.spec import Job


def other_python() -> str | None:
    """A Python of another minor version on this machine."""
    versions = [f"3.{minor}" for minor in range(9, 16) if f"3.{minor}" != VERSION]
    folders = [*Path.home().glob(".pyenv/versions/*/bin"), *map(Path, os.environ["PATH"].split(":"))]
    pythons = [f / f"python{v}" for v in versions for f in folders if "shims" not in f.parts]
    return next((str(p.resolve()) for p in pythons if p.exists()), None)


@pytest.fixture(scope="session")
def other() -> str:
    """That Python; the test is skipped where there is none."""
    python = other_python()
    if not python:
        pytest.skip("there is no second Python here")
    return python


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """The one sentence of a container that could not start."""
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_node_without_python_is_named(venv: Venv, job: Job, tmp_path: Path) -> None:
    """No interpreter of that name on the node's PATH: one sentence, with node, name and ways out, and status 97."""
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "mkdir", "ln"):
        os.symlink(shutil.which(tool) or "", tmp_path / "bin" / tool)
    said = refusal(start(provision, container(provision, tmp_path / "c"), "", str(tmp_path / "bin")))
    assert said.startswith(
        f"yarnml: this node (node-7) has no {PYTHON} on its PATH, which the packed environment needs;"
    )
    assert "environment.python, environment.archive or environment.image" in said


def test_a_node_with_a_wrong_python_is_named(venv: Venv, job: Job, tmp_path: Path, other: str) -> None:
    """An interpreter of another version behind the right name: found and wanted are told."""
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    said = refusal(start(provision, container(provision, tmp_path / "c"), "", with_python(tmp_path / "bin", other)))
    assert (
        f"of this node (node-7) is Python 3.{other.rpartition('.')[2]}, the packed environment needs {VERSION};" in said
    )


def test_a_python_that_does_not_start_is_named(venv: Venv, job: Job, tmp_path: Path) -> None:
    """A broken interpreter, such as a manager's shim without a version: its own last words are in the sentence."""
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    write(tmp_path / "shim", "#!/bin/sh\necho 'no version is set' >&2\nexit 127\n")
    (tmp_path / "shim").chmod(0o755)
    path = with_python(tmp_path / "bin", tmp_path / "shim")
    said = refusal(start(provision, container(provision, tmp_path / "c"), "", path))
    assert f"bin/{PYTHON} of this node (node-7) does not start: no version is set; " in said


def test_a_node_of_another_machine_is_named(venv: Venv, job: Job, tmp_path: Path) -> None:
    """Compiled packages of one processor are of no use on another."""
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    foreign = type(provision)(
        provision.resources, provision.python, provision.prelude.replace(os.uname().machine, "vax"), {}
    )
    said = refusal(start(foreign, container(provision, tmp_path / "c"), "", with_python(tmp_path / "bin", BASE_PYTHON)))
    assert f"is a {os.uname().machine} machine, but the environment was packed on vax;" in said
