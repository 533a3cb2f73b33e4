"""Compiled programs go from one container to the next through the storage: nothing is compiled twice, nothing fails."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import wait_for
from yarnml.clusters.yarn.containers.compile_cache import SharedCompileCache
from yarnml.worker.compile_cache import FOLDER_VARIABLE

COMPILE = """
import jax, jax.numpy as jnp
print(jax.jit(lambda x: jnp.tanh(x) @ x.T)(jnp.ones((7, 3))).sum())
"""

Open = Callable[[str], SharedCompileCache]


@pytest.fixture
def begin(tmp_path: Path) -> Open:
    """A container's programs; its working folder by name."""

    def begin(container: str) -> SharedCompileCache:
        return SharedCompileCache(f"file://{tmp_path}/home/compiled/job", "1", tmp_path / container)

    return begin


def compile_in(programs: SharedCompileCache) -> None:
    """Compile a program as a worker's JAX does, in a process of its own."""
    subprocess.run([sys.executable, "-c", COMPILE], env=programs.variables({}), check=True, capture_output=True)


@pytest.mark.long
def test_the_next_job_compiles_nothing(begin: Open) -> None:
    """Programs that the first worker compiled are stored by themselves; another container has them and adds none."""
    first = begin("first")
    first.variables({})
    first.start_storing()
    compile_in(first)
    assert first.names
    wait_for("the archive", Path(first.url.removeprefix("file://")).exists)
    second = begin("second")
    second.variables({})
    assert second.names == first.names
    compile_in(second)
    assert second.names == first.names


def test_a_users_own_folder_stays(begin: Open) -> None:
    """A user who has chosen a folder for JAX keeps it."""
    assert begin("container").variables({FOLDER_VARIABLE: "mine"}) == {}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["empty", "torn", "strange names"])
def test_an_archive_that_is_no_use(begin: Open, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """It is left aside; a job compiles for itself, and nothing is written outside of its folder."""
    first = begin("first")
    first.variables({})  # it has looked for the archive, and does not meet one that is being written
    path = Path(first.url.removeprefix("file://"))
    path.parent.mkdir(parents=True)
    if kind == "strange names":
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("../out-cache", "/tmp/out-cache", "notes.txt", "a/b-cache"):
                archive.writestr(name, b"x")
    else:
        path.write_bytes(b"PK\x03\x04" if kind == "torn" else b"")
    programs = begin("second")
    assert programs.variables({})[FOLDER_VARIABLE] == str(tmp_path / "second")
    assert not list((tmp_path / "second").iterdir())
    assert not (tmp_path / "out-cache").exists()
    assert (f"{path} can't be used" in capsys.readouterr().err) == (kind != "strange names")
    compile_in(programs)
    assert programs.names
