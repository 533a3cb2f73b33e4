"""Quick compiling: for tests whose programs run for milliseconds and are compiled for seconds.

They are compiled without most optimizations, and what this process compiles is kept for the next session.  Jobs,
examples and clusters run what XLA makes of a program with all its optimizations, as users do.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

from yarnml.worker.compile_cache import processor_kind

OPTION = "jax_disable_most_optimizations"
FOLDER = "jax_compilation_cache_dir"
MAX_BYTES = 2**29


@pytest.fixture(scope="package", autouse=True)
def quick_compiling(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile without most optimizations, here and in processes that tests start, while tests of a room run.

    Programs are kept in a folder of pytest's cache, for this kind of processor.  Processes that tests start, and kill,
    don't write there.
    """
    before = jax.config.jax_compilation_cache_dir
    has_cache = request.config.pluginmanager.hasplugin("cacheprovider")
    _set(True, str(_kept_programs(request.config)) if has_cache else before)
    yield
    _set(False, before)


def _kept_programs(config: pytest.Config) -> Path:
    """The folder of programs; emptied once they have become too many."""
    assert config.cache
    folder = config.cache.mkdir(f"compiled-{processor_kind()}")
    files = {file.path: file.stat().st_size for file in os.scandir(folder)}
    if sum(files.values()) > MAX_BYTES:
        for path in files:
            Path(path).unlink(missing_ok=True)
    return folder


def _set(quick: bool, folder: str) -> None:
    """Switch; what was compiled before is forgotten, since it may differ in its bits."""
    jax.clear_caches()
    jax.config.update(OPTION, quick)
    jax.config.update(FOLDER, folder)
    compilation_cache.reset_cache()
    os.environ[OPTION.upper()] = str(int(quick))
