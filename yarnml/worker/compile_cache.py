"""What JAX has compiled is kept for the next job of the same user on this machine."""

import hashlib
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

FOLDER = "JAX_COMPILATION_CACHE_DIR"
SIZE = 512 * 2**20  # bytes; what was used longest ago goes first


def compiled(threads: int, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that have JAX keep its programs in this user's cache folder, where it can; a user's own choice stays.

    Machine code is for one kind of processor, and home folders are shared by machines of several.
    """
    base = Path(variables.get("XDG_CACHE_HOME") or Path(variables.get("HOME", "")) / ".cache")
    if FOLDER in variables or not base.is_absolute():
        return {}
    folder = base / "yarnml" / "compiled" / f"{processor()}-{threads}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022:
            return {}  # somebody else could put a program there
    except OSError:
        return {}
    return settings(folder, SIZE)


def settings(folder: Path, size: int) -> dict[str, str]:
    """Variables that have JAX keep all its programs in a folder, of at most ``size`` bytes.

    XLA's own caches are left out: with them, a program is known by the folder's name, too.
    """
    return {
        "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",
        FOLDER: str(folder),
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(size),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def processor() -> str:
    """A name for the kind of processor, by all that it can do."""
    facts = [platform.machine(), platform.processor()]
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts += sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
