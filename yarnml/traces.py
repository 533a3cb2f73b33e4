"""What a worker does in its steps, as JAX's profiler sees it: a file for Perfetto or TensorBoard."""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import jax

from yarnml import storage

STEPS = 50  # at most; a trace grows by the step

Item = TypeVar("Item")


def traced(items: Iterable[Item], url: str | None) -> Iterator[Item]:
    """The same items.  What is done with the first of them, step by step, is traced and then written to ``url``."""
    rest = iter(items)
    if url is not None:
        with tempfile.TemporaryDirectory() as folder:
            with jax.profiler.trace(folder):
                yield from islice(rest, STEPS)
            (found,) = Path(folder).rglob("*.trace.json.gz")
            storage.write(url, found.read_bytes())
    yield from rest
