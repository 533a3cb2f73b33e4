"""Compiled programs that are found without being traced."""

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.compiling import programs_in
from yarnml.learners.noise import key_of
from yarnml.worker import program_store
from yarnml.worker.compile_cache import FOLDER_VARIABLE
from yarnml.worker.program_store import FOLDER, NO_STORE, ProgramStore, code_digest, store_for
from yarnml.worker.stored_program import StoredProgram, compiled_once

X = np.arange(6, dtype=np.float32)


class Traced:
    """A program of a store, with the shapes for which it was traced."""

    def __init__(self, store: ProgramStore, function: Any = jnp.sin) -> None:
        self.shapes: list[tuple[int, ...]] = []

        def traced(x: jax.Array) -> jax.Array:
            self.shapes.append(x.shape)
            result: jax.Array = function(x)
            return result

        self.call: StoredProgram[jax.Array] = StoredProgram(jax.jit(traced), "traced", store)


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """A folder of programs that JAX keeps, too."""
    tmp_path.chmod(0o700)
    with programs_in(tmp_path):
        yield tmp_path / FOLDER


def test_what_one_process_has_compiled_is_not_traced_again(folder: Path) -> None:
    """Every form of the arguments is traced once for all processes, to the same bits; another learner has its own."""
    first = Traced(ProgramStore(folder, b"a"))
    expected = [np.asarray(first.call(x)) for x in (X, X[:3], X)]
    assert first.shapes == [(6,), (3,)]
    second = Traced(ProgramStore(folder, b"a"))
    assert [np.asarray(second.call(x)).tobytes() for x in (X, X[:3], X)] == [value.tobytes() for value in expected]
    assert second.shapes == []
    other = Traced(ProgramStore(folder, b"b"), jnp.cos)
    np.testing.assert_allclose(other.call(X), np.cos(X), rtol=1e-6)
    assert other.shapes == [(6,)]


def test_a_part_of_a_larger_program(folder: Path) -> None:
    """It is traced with that program, before and after it is called alone."""
    program = Traced(ProgramStore(folder, b"a"))
    for _ in range(2):
        np.testing.assert_allclose(jax.jit(lambda x: program.call(x) + 1)(X), np.sin(X) + 1, rtol=1e-6)
        np.testing.assert_allclose(program.call(X), np.sin(X), rtol=1e-6)


def test_machine_code_is_found_by_its_program(folder: Path) -> None:
    """The machine code of a program is loaded when other code traces the same, and known by that code from then on."""
    np.asarray(Traced(ProgramStore(folder, b"a")).call(X))
    code = {path.name for path in folder.iterdir()}
    traced = [Traced(ProgramStore(folder, b"b")) for _ in range(2)]
    for program in traced:
        np.testing.assert_allclose(program.call(X), np.sin(X), rtol=1e-6)
    assert [program.shapes for program in traced] == [[(6,)], []]
    assert len({path.name for path in folder.iterdir()} - code) == 1


def test_programs_that_call_others_are_not_kept(folder: Path) -> None:
    """LAPACK is made ready when a program is lowered, so such a program always is."""
    for _ in range(2):
        program = Traced(ProgramStore(folder, b"a"), lambda x: jnp.linalg.cholesky(jnp.diag(x + 1)))
        np.testing.assert_allclose(program.call(X), np.diag(np.sqrt(X + 1)), rtol=1e-6)
        assert program.shapes == [(6,)]


def test_a_file_that_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told, and the program is compiled again."""
    np.asarray(Traced(ProgramStore(folder, b"a")).call(X))
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    np.testing.assert_allclose(Traced(ProgramStore(folder, b"a")).call(X), np.sin(X), rtol=1e-6)
    assert "can't be used" in capsys.readouterr().err


def test_a_changed_file_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code counts by the sizes and times of its files."""
    file = tmp_path / "changing" / "__init__.py"
    file.parent.mkdir()
    file.write_text("a = 1")
    monkeypatch.syspath_prepend(tmp_path)
    digests = []
    for time in (1, 1, 2):
        os.utime(file, (time, time))
        code_digest.cache_clear()
        digests.append(code_digest(("changing",)))
    assert digests[0] == digests[1] != digests[2]


def test_the_folder_has_a_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that was used longest ago goes first."""
    monkeypatch.setattr(program_store, "MAX_BYTES", 2500)
    store = ProgramStore(folder, b"a")
    for number, key in enumerate("abc"):
        store.store(key, b"x" * 1000)
        os.utime(folder / key, (number, number))
        store.load("a")
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c"]


def test_where_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not set, is not there, or that others can write to, is not used."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert store_for(b"a") is NO_STORE
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    assert store_for(b"a") is NO_STORE
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    tmp_path.chmod(0o770)
    assert store_for(b"a") is NO_STORE
    tmp_path.chmod(0o700)
    assert isinstance(store_for(b"a"), ProgramStore)
    np.testing.assert_allclose(compiled_once(jax.jit(jnp.sin), "sin", NO_STORE)(X), np.sin(X), rtol=1e-6)
    assert NO_STORE.value("a", lambda: 1) == 1


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 - 1])
def test_keys_need_no_program(seed: int) -> None:
    """A key of random numbers is JAX's own, though nothing is compiled for it."""
    key = key_of(seed)
    assert key.dtype == jax.random.key(seed).dtype
    assert jax.random.key_data(key).tolist() == jax.random.key_data(jax.random.key(seed)).tolist()
