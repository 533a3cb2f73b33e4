"""The data files under a path: what a folder or a glob holds, and what of it is left out.

Nothing is left out in silence.  What can't be listed, and what is neither a file nor a folder, is an OSError.  Hidden
names are those of Spark: ``_`` or ``.`` first, unless ``_key=value``, and copies that are still being written.
"""

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fsspec.spec import AbstractFileSystem

from yarnml.events.text import first_few
from yarnml.storage import local

_MAGIC = re.compile(r"[*?[]")
_RECURSIVE = "**"
_SHOWN = 3

_NO_DATA = re.compile(r"_SUCCESS|_metadata|_common_metadata|_temporary|_(committed|started)_\d+|\..*\.crc|\.tmp-.*")
"""Names beside data that hold none, which the systems that write data put there."""


class Listing(NamedTuple):
    """``files``: their paths, sorted; ``left_out``: what was found and is not read, each with the reason."""

    files: list[str]
    left_out: list[str]

    def describe_left_out(self) -> str:
        """Name what is left out, the first few of many."""
        return first_few(self.left_out, _SHOWN)


class Member(NamedTuple):
    """Something that a folder holds; ``folder``: None where only a look at it tells."""

    path: str
    name: str
    folder: bool | None = None


def is_glob(path: str) -> bool:
    return bool(_MAGIC.search(path))


def is_hidden(name: str) -> bool:
    """Tell whether a name marks something that is no data, as Spark does."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_")


def find(fs: AbstractFileSystem, path: str) -> Listing:
    """List the files at a path: a file itself, all files below a folder, at any depth, or what matches a glob."""
    walk = _Walk(fs)
    try:
        folder = walk.is_folder(Member(path, ""))
    except (FileNotFoundError, NotADirectoryError):
        files = walk.matching(path) if is_glob(path) else iter(())
    else:
        files = walk.below(path) if folder else iter((path,))
    read = sorted(set(files))
    left_out = sorted(walk.left_out.keys() - {*read})
    return Listing(read, [f"{path} ({walk.left_out[path]})" for path in left_out])


class _Walk:
    """One way through a filesystem; ``left_out``: what was passed on it, and why."""

    def __init__(self, fs: AbstractFileSystem) -> None:
        self._fs = fs
        self._local = local.is_disk(fs)
        self.left_out: dict[str, str] = {}

    def below(self, folder: str) -> Iterator[str]:
        """Find all files below a folder, at any depth."""
        for _, members in self._folders(folder):
            yield from (member.path for member in members if not self.is_folder(member))

    def matching(self, pattern: str) -> Iterator[str]:
        """Find the files that match a glob, segment by segment; ``**`` is any number of folders.

        A segment that begins with ``_`` or ``.`` itself matches hidden names too.  A folder that matches is left out.
        """
        segments = pattern.split("/")
        literal = next(number for number, segment in enumerate(segments) if is_glob(segment))
        base = "/".join(segments[:literal]) or "/"
        yield from self._at(Member(base, ""), [segment for segment in segments[literal:] if segment])

    def _at(self, member: Member, segments: Sequence[str]) -> Iterator[str]:
        """Find what the segments of a glob lead to from a place, which may not be there."""
        try:
            folder = self.is_folder(member)
        except (FileNotFoundError, NotADirectoryError):
            return
        if not folder:
            yield from () if segments else (member.path,)
        elif not segments:
            self.left_out[member.path] = "a folder; add /* for its files"
        elif segments == [_RECURSIVE]:
            yield from self.below(member.path)
        elif segments[0] == _RECURSIVE:
            for base, _ in self._folders(member.path):
                yield from self._at(Member(base, "", True), segments[1:])
        elif is_glob(segments[0]):
            for match in self._visible(member.path, segments[0]):
                yield from self._at(match, segments[1:])
        else:
            yield from self._at(Member(_join(member.path, segments[0]), segments[0]), segments[1:])

    def _folders(self, top: str) -> Iterator[tuple[str, list[Member]]]:
        """Find a folder and all below it, with what each holds; each once, so that links in circles end."""
        entered: set[object] = set()
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            key = self._key(folder)
            if key in entered:
                self.left_out[folder] = "a link to a folder that is read already"
                continue
            entered.add(key)
            members = self._visible(folder)
            yield folder, members
            waiting += reversed([member.path for member in members if self.is_folder(member)])

    def _visible(self, folder: str, pattern: str = "*") -> list[Member]:
        """List what a folder holds that is data by its name; hidden names only where the pattern asks for them."""
        chosen = []
        for member in self._members(folder):
            if not fnmatch.fnmatchcase(member.name, pattern):
                continue
            if not is_hidden(member.name) or pattern[0] in "_.":
                chosen.append(member)
            elif not _NO_DATA.fullmatch(member.name):
                self.left_out[member.path] = "a hidden name"
        return chosen

    def _members(self, folder: str) -> list[Member]:
        """List a folder in the order of names; a folder that can't be listed is the OSError that says so."""
        if self._local:
            return [Member(_join(folder, name), name) for name in sorted(os.listdir(folder))]
        members = []
        for entry in self._fs.ls(folder, detail=True, refresh=True):
            path = entry["name"].rstrip("/")
            if path != folder.rstrip("/"):  # object stores list a folder as a member of itself
                members.append(Member(path, path.rpartition("/")[2], entry["type"] == "directory"))
        return sorted(members)

    def is_folder(self, member: Member) -> bool:
        if member.folder is not None:
            return member.folder
        return local.is_folder(member.path) if self._local else bool(self._fs.info(member.path)["type"] == "directory")

    def _key(self, folder: str) -> object:
        """Identify a folder by whatever name it is reached."""
        if not self._local:
            return folder
        status = os.stat(folder)
        return status.st_dev, status.st_ino


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"
