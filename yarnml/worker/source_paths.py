"""Programs without the places of the code that they come from."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax


@contextmanager
def without_source_paths() -> Iterator[None]:
    """Keep names of source files out of the programs that are lowered meanwhile: equal models have equal bytes."""
    option = "jax_traceback_in_locations_limit"
    before = getattr(jax.config, option)
    jax.config.update(option, 0)
    try:
        yield
    finally:
        jax.config.update(option, before)
