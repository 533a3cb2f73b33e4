"""The environment of a test session: folders that its processes share, and what each keeps for its next test."""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import psutil
import pytest

from tests import lean

TEST_VARIABLE = "PYTEST_CURRENT_TEST"

MAX_RESIDENT_BYTES = 2 * 2**30
"""Memory that a process may have in any case."""

MAX_PERCENT = 60
"""The share of the machine's memory that all may have before one lets go of what is above."""


def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of the session share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder of compiled programs for all processes of the session: dozens of jobs train the same network.

    Processes that tests start don't load pandas.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the same for the modules of Python
    folder = session_folder(tmp_path_factory)
    (folder / "compiled").mkdir(exist_ok=True)
    for name, value in {
        "jax_disable_most_optimizations": True,  # a plugin may have imported JAX before `xla.QUICK` was set
        "jax_compilation_cache_dir": str(folder / "compiled"),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }.items():
        os.environ[name.upper()] = str(value)  # for the processes that tests start
        jax.config.update(name, value)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [lean.PATH, os.environ.get("PYTHONPATH")]))


@contextmanager
def _same_environment() -> Iterator[None]:
    """Hide pytest's variable of the running test: processes are kept for jobs that have the same environment."""
    name = os.environ.pop(TEST_VARIABLE, None)
    try:
        yield
    finally:
        if name is not None:  # it was not hidden already
            os.environ[TEST_VARIABLE] = name


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Iterator[None]:
    with _same_environment():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Iterator[None]:
    with _same_environment():
        return (yield)


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    """Let go of compiled programs after a module where they are many and memory is scarce: all processes share it.

    The C library is told to give it back: else it would be too much after every later module, and each would compile
    its programs again.
    """
    yield
    is_large = psutil.Process().memory_info().rss > MAX_RESIDENT_BYTES
    if is_large and psutil.virtual_memory().percent > MAX_PERCENT:
        jax.clear_caches()
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc's
            trim(0)
