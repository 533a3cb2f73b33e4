"""The bytecode of modules that travel, as PEP 552's unchecked kind: valid without a look at the times of files."""

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_HEADER_BYTES = 16
_MAGIC = importlib.util.MAGIC_NUMBER


class Bytecode:
    """Bytecode by the path of a module: converted from what lies beside it, else compiled into a scratch folder."""

    def __init__(self, scratch: str) -> None:
        self._scratch = scratch

    def of(self, path: str, source: bytes) -> bytes | None:
        """The bytecode of a module with this source; None for one that is no valid Python."""
        with contextlib.suppress(OSError):
            if code := _beside(path):
                return _MAGIC + (1).to_bytes(4, "little") + importlib.util.source_hash(source) + code
            name = os.path.basename(importlib.util.cache_from_source(path))
            return Path(self._scratch, os.path.dirname(path).lstrip("/"), name).read_bytes()
        return None


@contextlib.contextmanager
def compiled(paths: Iterable[str]) -> Iterator[Bytecode]:
    """Compile the modules that have no bytecode beside them, on all cores; invalid Python is passed over."""
    missing = [path for path in paths if _beside(path, 0) is None]
    command = [sys.executable, "-P", "-m", "compileall", "-qq", "-i", "-", "--invalidation-mode", "unchecked-hash"]
    with tempfile.TemporaryDirectory(prefix="yarnml-bytecode-") as scratch:
        variables = os.environ | {"PYTHONPYCACHEPREFIX": scratch, "PYTHONWARNINGS": "ignore"}

        def compile_part(chosen: list[str]) -> None:
            text = "\n".join(chosen)
            subprocess.run(command, input=text, text=True, env=variables, capture_output=True, check=False)

        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(compile_part, [part for number in range(cores) if (part := missing[number::cores])]))
        yield Bytecode(scratch)


def _beside(path: str, size: int = -1) -> bytes | None:
    """The code beside a module, ``size`` bytes of it; None where there is none of this source."""
    with contextlib.suppress(OSError):
        status = os.stat(path)
        with open(importlib.util.cache_from_source(path), "rb") as file:
            times = b"".join((int(n) & 0xFFFFFFFF).to_bytes(4, "little") for n in (status.st_mtime, status.st_size))
            if file.read(_HEADER_BYTES) == _MAGIC + bytes(4) + times:
                return file.read(size)
    return None
