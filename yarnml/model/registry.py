"""The versions of a model as a registry: all that is known of each, aliases, tags, and what is removed.

Everything lies in the folder of the versions.  A version that is torn, or none of yarnml's, is named with the reason.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from yarnml import storage
from yarnml.errors import ExportError, JobFileError, translated
from yarnml.events.log import log
from yarnml.job import paths
from yarnml.model.aliases import PROMOTED, REMOVED, ROLLED_BACK, Alias, aliases, earlier_version
from yarnml.model.condition import holds
from yarnml.model.history import History
from yarnml.model.versions import DELETED, read_about, resolve, versions
from yarnml.storage import integrity
from yarnml.storage.integrity import TornFile

TAGS = "tags"


class Version(NamedTuple):
    """One version.  ``about``: its model.json; empty for one that is ``broken``, which says why."""

    number: int
    folder: str
    about: dict[str, Any]
    broken: str = ""


def version(folder: str, number: int) -> Version:
    """Look at one version, without a look into its arrays."""
    place = storage.join(folder, str(number))
    try:
        return Version(number, place, read_about(place)[1])
    except (ExportError, TornFile) as exc:
        return Version(number, place, {}, str(exc))


def all_versions(folder: str) -> list[Version]:
    """Look at all versions in a folder, ascending; ExportError where there is none."""
    with translated(ExportError, f"{folder} can't be listed"):
        numbers = versions(folder)
    if not numbers:
        raise ExportError(f"There are no model versions in {folder}.")
    return [version(folder, number) for number in numbers]


def find(folder: str, name: str | None) -> Version:
    """Find a version by its number or an alias, without a name the newest; ExportError where it is broken."""
    url = storage.join(folder, name) if name and name.isdecimal() else f"{folder}@{name}" if name else folder
    number = resolve(url).rpartition("/")[2]
    chosen = version(folder, int(number)) if number.isdecimal() else None
    if chosen is None or storage.join(folder, number) != resolve(url):
        raise JobFileError(f"{folder} must be the folder of a model's versions, not a version.")
    if chosen.broken:
        raise ExportError(chosen.broken)
    return chosen


def tags(folder: str, number: int) -> dict[str, str]:
    """The tags of a version."""
    entries = _tags(folder, number).entries()
    return dict(entries[-1].value) if entries else {}


def set_tags(folder: str, number: int, changes: dict[str, str]) -> dict[str, str]:
    """Set tags of a version, an empty text removes one; returns all that it then has."""
    history = _tags(folder, number)
    entries = history.entries()
    before = dict(entries[-1].value) if entries else {}
    after = {name: text for name, text in {**before, **changes}.items() if text}
    history.append(len(entries), after, "tagged")
    return after


def promote(folder: str, name: str | None, alias: str, condition: str | None = None) -> Version:
    """Have an alias name a version, where a condition on its metrics holds; ExportError where it does not.

    Raises ExportError, too, where somebody else moved the alias since it was read.
    """
    target = Alias(folder, alias)
    chosen = find(folder, name)

    def metrics(other: str) -> Any:
        number = target.version if other == alias else Alias(folder, other).version
        return None if number is None else find(folder, str(number)).about["metrics"]

    if condition and not holds(condition, chosen.about["metrics"], metrics):
        raise ExportError(f"Version {chosen.number} of {folder} is not promoted: {condition} does not hold.")
    if target.version != chosen.number:
        _move(folder, target, chosen.number, PROMOTED)
    return chosen


def rollback(folder: str, alias: str) -> Version:
    """Have an alias name the version that it named before; ExportError where there is none, or it is broken."""
    target = Alias(folder, alias)
    number = earlier_version(target.entries)
    if number is None:
        raise ExportError(f"Alias {alias} of {folder} names no earlier version to go back to.")
    chosen = find(folder, str(number))
    _move(folder, target, number, ROLLED_BACK)
    return chosen


def remove_alias(folder: str, alias: str) -> None:
    """Have an alias name no version; ExportError where it names none."""
    target = Alias(folder, alias)
    if target.version is None:
        raise ExportError(f"Alias {alias} of {folder} names no version.")
    target.move(None, REMOVED)


def delete(folder: str, numbers: Sequence[int]) -> None:
    """Remove versions, each by one rename first; ExportError where an alias names one, which then stays."""
    for number in numbers:
        _refuse_named(folder, number)
        place = storage.join(folder, str(number))
        hidden = paths.temporary(folder, f"deleted-{number}")
        with translated(ExportError, f"Version {number} of {folder} can't be removed"):
            if not storage.exists(place):
                raise ExportError(f"There is no version {number} in {folder}.")
            storage.remove(hidden)
            storage.rename(place, hidden)
            try:
                _refuse_named(folder, number)  # an alias may have come to name it since
            except ExportError:
                storage.rename(hidden, place)
                raise
            storage.write(storage.join(folder, DELETED, str(number)), b"")  # so that the number is not given again
            storage.remove(hidden)
            storage.remove(storage.join(folder, TAGS, str(number)))


def superfluous(folder: str, keep: int) -> list[int]:
    """The versions that are neither among the newest ``keep`` nor named by an alias."""
    with translated(ExportError, f"{folder} can't be listed"):
        numbers = versions(folder)
    named = set(aliases(folder).values())
    return [number for number in numbers[: max(len(numbers) - keep, 0)] if number not in named]


def retain(folder: str, keep: int, own: str) -> list[int]:
    """Remove what is `superfluous`, but for the version in the folder ``own``; returns what was removed.

    What an alias has come to name meanwhile stays, and so does what can't be removed.
    """
    removed = []
    for number in superfluous(folder, keep):
        if storage.join(folder, str(number)) == own:
            continue
        try:
            delete(folder, [number])
        except ExportError as exc:
            log(f"warning: {exc}")
        else:
            removed.append(number)
    return removed


def verify(chosen: Version) -> str:
    """Read all files of a version and compare their digests; the reason why it is not whole, empty where it is."""
    if chosen.broken:
        return chosen.broken
    digests = {name: digest for name, digest in chosen.about["digests"].items() if name != paths.ABOUT}
    try:
        integrity.check(chosen.folder, digests)
    except (TornFile, OSError, ValueError) as exc:
        return f"{chosen.folder} is torn: {exc}"
    return ""


def size(chosen: Version) -> int:
    """The bytes of a version's files."""
    with translated(ExportError, f"{chosen.folder} can't be listed"):
        return sum(storage.size(storage.join(chosen.folder, name)) for name in storage.names(chosen.folder))


def _move(folder: str, alias: Alias, number: int, act: str) -> None:
    """Move an alias to a version, and back where that was deleted at the same time."""
    before = alias.version
    alias.move(number, act)
    if not storage.exists(storage.join(folder, str(number))):
        alias.move(before, ROLLED_BACK)
        raise ExportError(f"Version {number} of {folder} was deleted meanwhile; alias {alias.name} stays where it was.")


def _refuse_named(folder: str, number: int) -> None:
    if names := [name for name, named in aliases(folder).items() if named == number]:
        raise ExportError(
            f"Version {number} of {folder} is {', '.join(names)}; it is not deleted. Promote another one first."
        )


def _tags(folder: str, number: int) -> History:
    return History(storage.join(folder, TAGS, str(number)), f"The tags of version {number} of {folder}")
