"""The classes of Skein's driver, ready to be mapped: the first command has Java write them as its driver ends.

A driver spends a third of its work on reading and linking classes.  Java goes on without an archive where that is of
other jars; versions before 13 write none.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from yarnml.clusters.yarn.skein_import import skein
from yarnml.storage.user_cache import user_cache

MOST_ARCHIVES = 3
"""Archives that are kept, of 40 MB each: a home may be shared by machines with several versions of Java."""

_OF_THE_USER = ("-Xshare", "-XX:SharedArchiveFile", "-XX:ArchiveClassesAtExit", "-XX:SharedClassListFile")


class ClassArchive:
    """The archive for the Java, the jars and the options of a command.

    ``options``: for Java, with which it uses the archive, or writes it where there is none yet; none where the user's
    own options, ``java_options``, choose one, or no folder is fit for it.
    """

    def __init__(self, java_options: Iterable[str], variables: Mapping[str, str] = os.environ) -> None:
        chosen = list(java_options)
        own = any(option.startswith(_OF_THE_USER) for option in chosen)
        folder = None if own else user_cache("java", variables=variables)
        self._path = folder / f"driver-{_key(chosen, variables)}.jsa" if folder else None
        self._draft = folder / f"draft-{os.getpid()}" if folder else None
        self._crash = folder / f"crash-{os.getpid()}" if folder else None
        self.used = self._path is not None and self._path.exists()
        self.options: list[str] = []
        if self.used:
            self.options = [f"-XX:SharedArchiveFile={self._path}", f"-XX:ErrorFile={self._crash}"]
        elif self._draft:
            self.options = ["-XX:+IgnoreUnrecognizedVMOptions", f"-XX:ArchiveClassesAtExit={self._draft}"]

    def keep(self) -> None:
        """Keep what an ended driver has written, if it has, for later commands."""
        if self._path and self._draft and self._draft.exists():
            with suppress(OSError):
                self._draft.replace(self._path)
                archives = sorted(self._path.parent.iterdir(), key=lambda path: path.stat().st_mtime)
                for path in archives[:-MOST_ARCHIVES]:
                    path.unlink()

    def discard(self) -> None:
        """Remove the archive, with which Java does not start, and what Java has written about that."""
        for path in filter(None, (self._path, self._crash)):
            with suppress(OSError):
                path.unlink()


def _key(options: Iterable[str], variables: Mapping[str, str]) -> str:
    """The digest of what an archive is good for, by the times of files."""
    home = variables.get("JAVA_HOME")
    search = variables.get("PATH")
    programs = [f"{home}/bin/java" if home else shutil.which("java", path=search), shutil.which("yarn", path=search)]
    parts = [os.path.realpath(program) for program in programs if program]
    parts.append(str(Path(skein.__file__).with_name("java") / "skein.jar"))
    times = [(part, os.stat(part).st_mtime_ns) for part in parts if os.path.exists(part)]
    return hashlib.sha256(repr((times, list(options))).encode()).hexdigest()[:16]
