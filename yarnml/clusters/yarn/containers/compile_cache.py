"""Programs that JAX has compiled, kept for the next job of the same name as an archive in the user's folder on HDFS.

There is one archive for each kind of processor and number of threads, since machine code is for those.  Every worker
begins with it; the first one stores it anew where something was compiled besides.  A job does well without: a failure
is logged, and the programs are compiled again.
"""

import io
import re
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

from yarnml import storage
from yarnml.events.log import log
from yarnml.worker.compile_cache import FOLDER_VARIABLE, cache_variables, processor_kind

FETCH_SECONDS = 10.0
"""Longest wait for the archive, after everything else is ready."""

CHECK_SECONDS = 0.4
"""Time between two looks at the folder: names that have not changed in between are those of whole files."""

MAX_BYTES = 64 * 2**20
"""Size of all programs together; the programs that were used longest ago go first."""

_NAME = re.compile(r"[\w.-]+-(cache|atime)")


class SharedCompileCache:
    """The compiled programs of one worker.

    ``prefix``: of the archive's URL.
    ``threads``: the number that the programs are compiled for.
    ``folder``: an absolute path, on this machine.
    """

    def __init__(self, prefix: str, threads: str, folder: Path) -> None:
        self.url = f"{prefix}-{processor_kind()}-{threads}.zip"
        self._folder = folder
        self._stored: frozenset[str] = frozenset()
        self._fetching = threading.Thread(target=self._fetch, daemon=True, name="compiled programs")
        folder.mkdir(mode=0o700, exist_ok=True)
        self._fetching.start()

    @property
    def names(self) -> frozenset[str]:
        """The names of all programs in the folder."""
        return frozenset(path.name for path in self._folder.glob("*-cache"))

    def variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables for this process, before it imports JAX; none where the user has chosen another folder.

        Waits for the archive.
        """
        self._fetching.join(FETCH_SECONDS)
        return {} if FOLDER_VARIABLE in variables else cache_variables(self._folder, MAX_BYTES)

    def start_storing(self) -> None:
        """Store programs as they are compiled from now on, on another thread."""
        threading.Thread(target=self._store_changes, daemon=True, name="compiled programs").start()

    def store(self) -> None:
        """Store all programs, where some are not stored yet."""
        names = self.names
        if names == self._stored:
            return
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(self._folder.iterdir()):
                if _NAME.fullmatch(path.name):
                    archive.write(path, path.name)
        try:
            storage.write(self.url, packed.getvalue())
        except Exception as exc:
            log(f"The compiled programs can't be stored as {self.url}: {exc}")
        self._stored = names

    def _store_changes(self) -> None:
        before = self._stored
        while True:
            time.sleep(CHECK_SECONDS)
            try:
                now = self.names
                if now == before:
                    self.store()
            except OSError as exc:
                log(f"The compiled programs in {self._folder} can't be read, so no more are stored: {exc}")
                return
            before = now

    def _fetch(self) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(storage.read(self.url))) as archive:
                programs = [info for info in archive.infolist() if _NAME.fullmatch(info.filename)]
                if sum(info.file_size for info in programs) <= MAX_BYTES:
                    for info in programs:
                        (self._folder / info.filename).write_bytes(archive.read(info))
            self._stored = self.names
        except FileNotFoundError:
            pass  # nothing was compiled before
        except Exception as exc:
            log(f"The compiled programs in {self.url} can't be used: {exc}")
