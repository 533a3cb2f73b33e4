"""A value that changes in a shared folder: each change is a small file, whose number nobody can take twice.

Files appear by one rename to a free name.  So of two who change the value at the same time one wins and the other is
told, and what the value was before stays to go back to.
"""

import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from yarnml import storage
from yarnml.errors import ExportError, translated
from yarnml.storage import atomic, integrity
from yarnml.storage.security import identity

_ENTRY = re.compile(r"([0-9]{9})\.json")


class Entry(Struct, frozen=True):
    """One change: the ``value`` from then on, ``act``: how it came to be, who made it, and when in UTC."""

    value: Any
    act: str
    user: str
    time: str


class History:
    """The changes of one value in a folder of its own.  ``what``: the value in words, for errors."""

    def __init__(self, folder: str, what: str) -> None:
        self._folder = folder
        self._what = what

    def entries(self) -> list[Entry]:
        """List all changes, the newest last; ExportError for a file that is none."""
        entries = []
        with translated(ExportError, f"{self._what} can't be read"):
            for name in storage.names(self._folder):
                if not _ENTRY.fullmatch(name):
                    continue
                try:
                    entries.append(msgspec.json.decode(storage.read(storage.join(self._folder, name)), type=Entry))
                except integrity.UNDECODABLE as exc:
                    raise ExportError(f"{self._what}: {self._folder}/{name} is damaged ({exc}); remove it.") from exc
        return entries

    def append(self, before: int, value: Any, act: str) -> Entry:
        """Change the value that had ``before`` entries; ExportError where somebody else changed it meanwhile."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(value, act, identity.user(), now)
        target = storage.join(self._folder, f"{before + 1:09d}.json")
        try:
            with atomic.create(target) as beside:
                storage.write(beside, msgspec.json.encode(entry))
        except FileExistsError:
            newest = self.entries()[-1]
            raise ExportError(
                f"{self._what} was changed meanwhile, to {newest.value} by {newest.user} at {newest.time}; "
                "look at it and try again."
            ) from None
        except (OSError, ValueError) as exc:
            raise ExportError(f"{self._what} can't be changed: {exc}") from exc
        return entry
