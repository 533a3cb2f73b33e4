"""Quick compiling: for tests whose programs run for milliseconds and are compiled for seconds.

Jobs, examples and clusters run what XLA makes of a program with all its optimizations, as users do.
"""

import os
from collections.abc import Iterator

import jax
import pytest

OPTION = "jax_disable_most_optimizations"


@pytest.fixture(scope="package", autouse=True)
def quick_compiling() -> Iterator[None]:
    """Compile without most optimizations, here and in processes that tests start, while tests of a room run."""
    _set(True)
    yield
    _set(False)


def _set(quick: bool) -> None:
    """Switch; what was compiled before is forgotten, since it may differ in its bits."""
    jax.clear_caches()
    jax.config.update(OPTION, quick)
    os.environ[OPTION.upper()] = str(int(quick))
