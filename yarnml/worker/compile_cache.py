"""JAX's compilation cache on this machine: one job's compiled programs serve the next job of the same user."""

import hashlib
import os
import platform
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

FOLDER_VARIABLE = "JAX_COMPILATION_CACHE_DIR"

MAX_BYTES = 512 * 2**20
"""Size of the cache in a user's folder.  JAX drops what was used longest ago."""


def user_cache_variables(threads: int, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that have JAX keep its programs in this user's cache folder, where it can; a user's own choice stays.

    Machine code is for one kind of processor, and home folders are shared by machines of several.
    """
    base = Path(variables.get("XDG_CACHE_HOME") or Path(variables.get("HOME", "")) / ".cache")
    if FOLDER_VARIABLE in variables or not base.is_absolute():
        return {}
    folder = base / "yarnml" / "compiled" / f"{processor_kind()}-{threads}"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if base.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            return {}  # another user could put a folder in the place of ours
        for parent in (folder.parent.parent, folder.parent):
            if not _is_own(parent):
                return {}
            parent.chmod(0o700)  # it may be of a time when others could write it
        if not _is_own(folder) or folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return {}  # another user could put a program into it, which we would run
    except OSError:
        return {}
    return cache_variables(folder, MAX_BYTES)


def _is_own(folder: Path) -> bool:
    """Make a folder where there is none; True where it, and a link that leads to it, is this user's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return {folder.stat().st_uid, folder.lstat().st_uid} == {os.getuid()}


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
