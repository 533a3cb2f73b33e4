"""Programs that are kept from one session of tests to the next, for tests that compile for longer than they run."""

import os
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from yarnml.worker.compile_cache import processor_kind

FOLDER = "jax_compilation_cache_dir"
MAX_BYTES = 2**29


@pytest.fixture(scope="package", autouse=True)
def quick_compiling(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile programs once for all sessions: those of the tests of a room are kept in a folder of pytest's cache.

    Processes that tests start, and kill, don't write there.
    """
    before = jax.config.jax_compilation_cache_dir
    if request.config.pluginmanager.hasplugin("cacheprovider"):
        _use(str(_folder(request.config)))
    yield
    _use(before)


def _folder(config: pytest.Config) -> Path:
    """The folder of programs, for this kind of processor; emptied once they have become too many."""
    assert config.cache
    folder = config.cache.mkdir(f"compiled-{processor_kind()}")
    files = {file.path: file.stat().st_size for file in os.scandir(folder)}
    if sum(files.values()) > MAX_BYTES:
        for path in files:
            Path(path).unlink(missing_ok=True)
    return folder


def _use(folder: str) -> None:
    jax.config.update(FOLDER, folder)
    compilation_cache.reset_cache()
