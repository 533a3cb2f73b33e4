"""What JAX has compiled goes from one job to the next of the same name, as an archive in the user's folder on HDFS.

There is one for each kind of processor and number of threads, since machine code is for those.  Every worker begins
with it; the first one stores it anew where something was compiled besides.  A job does well without: what fails here
is logged, and compiled again.
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
from yarnml.worker.compile_cache import FOLDER, processor, settings

WAIT_SECONDS = 10.0  # for the archive, after everything else is ready
LOOK_SECONDS = 0.4  # between two looks; what has not changed in between is whole
SIZE = 64 * 2**20  # bytes in all; what was used longest ago goes first

_NAME = re.compile(r"[\w.-]+-(cache|atime)")


class Programs:
    """The programs of one worker.  ``prefix``: of the archive's URL; ``folder``: an absolute path."""

    def __init__(self, prefix: str, threads: str, folder: Path) -> None:
        self.url, self._folder = f"{prefix}-{processor()}-{threads}.zip", folder
        self._stored: frozenset[str] = frozenset()
        self._fetching = threading.Thread(target=self._fetch, daemon=True, name="programs")
        folder.mkdir(mode=0o700, exist_ok=True)
        self._fetching.start()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(path.name for path in self._folder.glob("*-cache"))

    def variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """For this process, before it imports JAX; none where the user has a folder of his own.  Waits for a while."""
        self._fetching.join(WAIT_SECONDS)
        return {} if FOLDER in variables else settings(self._folder, SIZE)

    def look_after(self) -> None:
        """Store what is compiled from now on, on another thread."""
        threading.Thread(target=self._look_after, daemon=True, name="programs").start()

    def store(self) -> None:
        """What there is, where it is not stored yet."""
        names, packed = self.names, io.BytesIO()
        if names == self._stored:
            return
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(self._folder.iterdir()):
                if _NAME.fullmatch(path.name):
                    archive.write(path, path.name)
        try:
            storage.write(self.url, packed.getvalue())
        except Exception as exc:
            log(f"The compiled programs can't be stored as {self.url}: {exc}")
        self._stored = names

    def _look_after(self) -> None:
        before = self._stored
        while True:
            time.sleep(LOOK_SECONDS)
            now = self.names
            if now == before:
                self.store()
            before = now

    def _fetch(self) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(storage.read(self.url))) as archive:
                found = [info for info in archive.infolist() if _NAME.fullmatch(info.filename)]
                if sum(info.file_size for info in found) <= SIZE:
                    for info in found:
                        (self._folder / info.filename).write_bytes(archive.read(info))
            self._stored = self.names
        except FileNotFoundError:
            pass  # nothing was compiled before
        except Exception as exc:
            log(f"The compiled programs in {self.url} can't be used: {exc}")
