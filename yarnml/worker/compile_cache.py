"""JAX's compilation cache on this machine: one job's compiled programs serve the next job of the same user."""

import hashlib
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from yarnml.storage.user_cache import user_cache

FOLDER_VARIABLE = "JAX_COMPILATION_CACHE_DIR"

MAX_BYTES = 512 * 2**20
"""Size of the cache in a user's folder.  JAX drops what was used longest ago."""


def user_cache_variables(threads: int, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that have JAX keep its programs in this user's cache folder, where it can; a user's own choice stays.

    Machine code is for one kind of processor, and home folders are shared by machines of several.
    """
    if FOLDER_VARIABLE in variables:
        return {}
    folder = user_cache("compiled", f"{processor_kind()}-{threads}", variables=variables)
    return cache_variables(folder, MAX_BYTES) if folder else {}


def cache_variables(folder: Path, max_bytes: int) -> dict[str, str]:
    """Variables that have JAX keep all its programs in a folder, of at most ``max_bytes``.

    XLA's own caches are left out: with them, a program is known by the folder's name, too.
    """
    return {
        "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",
        FOLDER_VARIABLE: str(folder),
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(max_bytes),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def processor_kind() -> str:
    """A name for the kind of processor, made of all that it can do."""
    facts = [platform.machine(), platform.processor()]
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts += sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
