"""The part of a compiled library that a process needs: what is loaded, without symbols for debuggers behind it.

The tables of names and lines for debuggers stand at the end of a file, as a third of JAX's and two thirds of others.
`strip` leaves them out as well, but not every edge node has it.  A file that is not the usual one travels whole.
"""

import os
import struct
from typing import NamedTuple

LEAST_BYTES = 1 << 20
"""Size of what can be left out from which on a file is shortened."""

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_ELF64_LITTLE = b"\x7fELF\x02\x01"
_SHARED = 3
_FOR_DEBUGGERS = (
    ".comment",
    ".symtab",
    ".strtab",
    ".shstrtab",
    ".debug_",
    ".gdb_index",
    ".gnu_debug",
    ".gnu.build.attributes",
)
_NO_BITS = 8


class Loaded(NamedTuple):
    """The part of a library that is loaded: its first ``size`` bytes, with this ``header`` in place of its own."""

    size: int
    header: bytes


def loaded(path: str) -> Loaded | None:
    """The part of a file that is loaded; None for one that is no such library, or has hardly anything else."""
    size = os.path.getsize(path)
    if size < LEAST_BYTES:
        return None
    with open(path, "rb") as file:
        content = os.pread(file.fileno(), _HEADER.size, 0)
        if not content.startswith(_ELF64_LITTLE):
            return None
        try:
            return _loaded(file.fileno(), content, size)
        except (struct.error, ValueError, IndexError):
            return None


def _loaded(file: int, content: bytes, size: int) -> Loaded | None:
    ident, kind, machine, version, entry, segments_at, sections_at, flags, own, *counts = _HEADER.unpack(content)
    segment_size, segments, section_size, sections, names_at = counts
    if kind != _SHARED or (segment_size, section_size) != (_SEGMENT.size, _SECTION.size):
        return None
    table = os.pread(file, segments * segment_size, segments_at)
    ends = [offset + length for _, _, offset, _, _, length, _, _ in _SEGMENT.iter_unpack(table)]
    end = max([_HEADER.size, segments_at + len(table), *ends])
    table = os.pread(file, sections * section_size, sections_at)
    behind = _names_behind(file, list(_SECTION.iter_unpack(table)), names_at, end)
    whole = sections_at + len(table)
    known = all(name.startswith(_FOR_DEBUGGERS) for name in behind)
    if not known or whole < size - 8 or size - end < LEAST_BYTES:
        return None
    header = _HEADER.pack(
        ident, kind, machine, version, entry, segments_at, 0, flags, own, segment_size, segments, 0, 0, 0
    )
    return Loaded(end, header)


def _names_behind(file: int, sections: list[tuple[int, ...]], names_at: int, end: int) -> list[str]:
    """The names of the sections that end behind a place."""
    _, _, _, _, at, length, *_ = sections[names_at]
    names = os.pread(file, length, at)
    spans = {name: offset + length for name, kind, _, _, offset, length, *_ in sections if kind != _NO_BITS}
    return [names[name : names.index(b"\0", name)].decode("ascii") for name, last in spans.items() if last > end]
