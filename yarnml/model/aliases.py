"""Aliases of model versions, such as ``production``, beside the versions: ``aliases/<name>/<number>.json``."""

import re

from yarnml import storage
from yarnml.errors import ExportError, JobFileError, translated
from yarnml.model.history import Entry, History

FOLDER = "aliases"
PROMOTED = "promoted"
ROLLED_BACK = "rolled back"
REMOVED = "removed"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Alias:
    """One alias of the versions in a folder."""

    def __init__(self, folder: str, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise JobFileError(f"An alias must be letters, digits, '_' and '-', a letter first, not '{name}'.")
        self.name = name
        self._history = History(storage.join(folder, FOLDER, name), f"Alias {name} of {folder}")
        self.entries: list[Entry] = self._history.entries()

    @property
    def version(self) -> int | None:
        """The version that it names; None for none."""
        return version_of(self.entries)

    def move(self, version: int | None, act: str) -> None:
        """Have it name another version, or none; ExportError where somebody else moved it since it was read."""
        self.entries = [*self.entries, self._history.append(len(self.entries), version, act)]


def version_of(entries: list[Entry]) -> int | None:
    """The version that the newest entry names; None where it names none."""
    value = entries[-1].value if entries else None
    return value if isinstance(value, int) else None


def earlier_version(entries: list[Entry]) -> int | None:
    """The version before the present one, as if nothing after it had been; None where there is none."""
    stack: list[int] = []
    for entry in entries:
        if entry.act == ROLLED_BACK:
            stack = stack[:-1]
        elif isinstance(entry.value, int) and stack[-1:] != [entry.value]:
            stack.append(entry.value)
    return stack[-2] if len(stack) > 1 else None


def aliases(folder: str) -> dict[str, int]:
    """The version of each alias of a folder that names one, by its name."""
    with translated(ExportError, f"The aliases of {folder} can't be listed"):
        names = [name for name in storage.names(storage.join(folder, FOLDER)) if _NAME.fullmatch(name)]
    versions = {name: Alias(folder, name).version for name in names}
    return {name: version for name, version in versions.items() if version is not None}
