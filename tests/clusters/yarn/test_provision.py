"""The other ways to bring Python to a node: an archive, a pex, an image, or the Python that is there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.environments import PYTHON, container, start, write
from yarnml.clusters.yarn.packaging.provision import Provision, provide
from yarnml.errors import JobFileError
from yarnml.job.load import load_job

Provide = Callable[..., Provision]

SHOW = "import yarnml; print(yarnml.__version__)"


@pytest.fixture
def given(tmp_path: Path) -> Provide:
    """Provide for a job with this ``environment`` section; the store is a folder."""

    def make(**environment: Any) -> Provision:
        data = {"train": "/x", "features": ["a"], "label": "b"}
        job = load_job({"name": "j", "data": data, "learner": {"kind": "mlp"}, "environment": environment})
        return provide(job, str(tmp_path / "home"), lambda text: None)

    return make


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., str]:
    """An archive with a bin/python that runs ``line`` of shell."""

    def make(line: str) -> str:
        write(tmp_path / "made/bin/python", f"#!/bin/sh\n{line}\n")
        (tmp_path / "made/bin/python").chmod(0o755)
        subprocess.run(["tar", "-czf", tmp_path / "made.tar.gz", "-C", tmp_path / "made", "bin"], check=True)
        return str(tmp_path / "made.tar.gz")

    return make


def fake(tmp_path: Path, version: str) -> str:
    """A folder with a yarnml of some version."""
    write(tmp_path / "fake/yarnml/__init__.py", f"__version__ = '{version}'\n")
    return str(tmp_path / "fake")


def test_an_archive_brings_its_own_python(given: Provide, archive: Callable[..., str], tmp_path: Path) -> None:
    """environment.archive is stored once, unpacked as YARN does, and its bin/python runs the program."""
    provision = given(archive=archive(f'exec "{sys.executable}" "$@"'))
    assert provision.resources["environment"].url.startswith(str(tmp_path / "home/environments/"))
    done = start(provision, container(provision, tmp_path / "c"), SHOW)
    assert done.stdout.strip() == yarnml.__version__, done.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('exec "{python}" -I -S "$@"', "can't import yarnml on this node (node-7): ModuleNotFoundError: No module"),
        ('PYTHONPATH={fake} exec "{python}" -S "$@"', "has yarnml 0.0.1 on this node (node-7), but the job was"),
        ("exec /no/such/python", "can't import yarnml on this node (node-7): "),
    ],
)
def test_a_wrong_archive_is_named(
    given: Provide, archive: Callable[..., str], tmp_path: Path, line: str, words: str
) -> None:
    """One without yarnml, with another yarnml, or whose link to Python leads nowhere: one sentence, status 97."""
    url = archive(line.format(python=sys.executable, fake=fake(tmp_path, "0.0.1")))
    provision = given(archive=url)
    done = start(provision, container(provision, tmp_path / "c"), SHOW)
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr.startswith(f"yarnml: environment.archive {url} {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.long
@pytest.mark.breadth
def test_a_pex_runs(given: Provide, tmp_path: Path) -> None:
    """environment.pex, a real one, runs the program with what it holds; its cache is the container's."""
    sources = fake(tmp_path, yarnml.__version__)
    subprocess.run([sys.executable, "-m", "pex", "-D", sources, "-o", tmp_path / "app.pex"], check=True)
    provision = given(pex=str(tmp_path / "app.pex"), python=sys.executable)
    folder = container(provision, tmp_path / "c")
    done = start(provision, folder, "import yarnml; print(yarnml.__file__)")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(folder)


def test_a_python_of_the_nodes(given: Provide, tmp_path: Path) -> None:
    """environment.python alone packs nothing: the environment is there."""
    provision = given(python=sys.executable)
    assert provision.resources == {}
    done = start(provision, container(provision, tmp_path / "c"), SHOW)
    assert done.stdout.strip() == yarnml.__version__, done.stderr
    missing = given(python="/opt/none/bin/python")
    done = start(missing, container(missing, tmp_path / "d"), SHOW)
    assert done.returncode == 97
    assert done.stderr == (
        "yarnml: environment.python /opt/none/bin/python: this node (node-7) has no /opt/none/bin/python.\n"
    )


def test_an_image_is_yarn_s_to_start(given: Provide) -> None:
    """environment.image names YARN's Docker runtime and the image; the user's variables go along and win."""
    provision = given(image="repo/ml:1", variables={"A": "b"})
    assert provision.resources == {}
    assert provision.variables == {
        "YARN_CONTAINER_RUNTIME_TYPE": "docker",
        "YARN_CONTAINER_RUNTIME_DOCKER_IMAGE": "repo/ml:1",
    }
    assert provision.secret == "export A=b\n"
    assert "name=python3\n" in provision.prelude
    assert "name=/opt/py/bin/python\n" in given(image="repo/ml:1", python="/opt/py/bin/python").prelude


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"archive": "a.tar.gz", "pex": "b.pex"}, "environment.archive and environment.pex both say where Python is"),
        ({"archive": "a.zip", "python": "/p"}, "environment.python and environment.archive both say where Python is"),
        ({"pex": "a", "image": "b"}, "environment.pex and environment.image both say where Python is"),
        ({"packages": ["yarnml"], "pex": "a"}, "active environment, which does not travel with environment.pex; leave"),
        ({"archive": "/no/such.tar.gz"}, "environment.archive: there is no /no/such.tar.gz."),
        ({"archive": "nope://host/a.zip"}, "environment.archive: nope://host/a.zip has an unknown protocol, 'nope'"),
        ({"archive": "memory://no/a.zip"}, "environment.archive: there is no memory://no/a.zip."),
        ({"archive": "/some.rar"}, "environment.archive must end in .tar.gz or .tgz or .tar or .zip"),
        ({"pex": "/no/such.pex"}, "environment.pex: there is no /no/such.pex."),
        ({"files": ["/no/such.py"]}, "environment.files: there is no /no/such.py on this machine."),
        ({"files": ["hdfs://nn/mine.py"]}, "environment.files: there is no hdfs://nn/mine.py on this machine."),
        ({"files": [os.path.dirname(__file__) + "/../../../setup.cfg"]}, "must be a module (.py) or a package folder"),
        ({"variables": {"a-b": "c"}}, "environment.variables: 'a-b' can't be a variable's name"),
    ],
)
def test_what_does_not_go_is_refused(given: Provide, environment: dict[str, Any], words: str) -> None:
    """A contradiction or a missing file is one sentence that names the field, before anything is packed."""
    with pytest.raises(JobFileError) as caught:
        given(**environment)
    assert words in str(caught.value)


def test_this_python_s_name_is_asked_for(given: Provide, tmp_path: Path) -> None:
    """A pex without environment.python is started by the node's Python of the submitting minor version."""
    write(tmp_path / "a.pex", "x")
    assert f"name={PYTHON}\n" in given(pex=str(tmp_path / "a.pex")).prelude
