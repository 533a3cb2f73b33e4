"""The number of inputs of the fuzz suite: a few in CI, as many as you like by hand, ``make fuzz INPUTS=1000``.

A test with hypothesis takes it from the profile: ``@settings(settings.get_profile("fuzz"))``; others from ``inputs``.
"""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

INPUTS = 30
"""Inputs of each test in the short form."""

INPUT_SECONDS = 0.6
"""Time that an input may take on average, where there are many: the limit of a test goes by it."""

MEMORY_BYTES = 16 * 2**30
"""Address space of a process that tries inputs; what it uses is a small part of that."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inputs", type=int, default=INPUTS, help="how many inputs each test of the fuzz suite tries")


def pytest_configure(config: pytest.Config) -> None:
    """Register the profile: the short form draws the same inputs each time, the long form new ones."""
    inputs = _inputs(config)
    settings.register_profile(
        "fuzz",
        max_examples=inputs,
        derandomize=inputs <= INPUTS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the long form the time that its inputs take."""
    seconds = INPUT_SECONDS * _inputs(config)
    for item in items:
        if Path(__file__).parent in item.path.parents and seconds > float(config.getini("timeout")):
            item.add_marker(pytest.mark.timeout(seconds))


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory() -> Iterator[None]:
    """An input that asks for memory without measure is a MemoryError of its own test, and harms nobody else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.fixture(scope="session")
def inputs(pytestconfig: pytest.Config) -> int:
    """The number of inputs for a test that draws them by itself."""
    return _inputs(pytestconfig)


def _inputs(config: pytest.Config) -> int:
    return int(config.getoption("--inputs", INPUTS))
