"""The program of an exported model, loaded: only what can't leave XLA is compiled."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
from jax import export

from yarnml.errors import ExportError

# What models call beside operations of StableHLO: checks of shapes, and the linear algebra that is a part of jaxlib.
# Anything else, such as a callback into Python, may take addresses from the file.
_ALLOWED = re.compile(
    r"shape_assertion|Sharding|stablehlo\.dynamic_(top_k|reduce_window|rng_bit_generator)"
    r"|lapack_[a-z]+_ffi|(cu|hip)(solver|sparse)_[a-z0-9]+_ffi|(cu|hip)_(threefry2x32_ffi|lu_pivots_to_permutation)"
)
MAX_PROGRAMS = 32
"""Programs that stay compiled, those that were used last."""

_CALL = re.compile(r"custom_call(?: @([\w.$]+)\()?")


@lru_cache(MAX_PROGRAMS)
def load_program(data: bytes) -> Callable[..., Any]:
    """Return the compiled function of a program; ExportError names what it must not call.

    Equal programs share one: models that differ in their parameters alone are compiled once.
    """
    exported = export.deserialize(bytearray(data))
    if strange := foreign_calls(exported.mlir_module()):
        raise ExportError(f"its program calls {', '.join(strange)}, which no exported model does")
    return jax.jit(exported.call)


def foreign_calls(module: str) -> list[str]:
    """Name the targets of custom calls in a module's text that are not allowed; '?' where it hides one."""
    targets = {match[1] or "?" for match in _CALL.finditer(module)}
    return sorted(target for target in targets if not _ALLOWED.fullmatch(target))
