"""Files of lines: a group is a run of whole lines of about 16 MiB, or a whole compressed file.

Lines must be counted to know which rows a shard holds, so the master reads each file once when a job starts.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa

from yarnml.data.base import File, Group, changed
from yarnml.data.formats import magic
from yarnml.errors import DataError

GROUP_BYTES = 16 * 2**20

GROUP_DIGEST_BYTES = 8
"""Enough to see a change; a full digest would make the message with thousands of groups longer."""


class Scan(NamedTuple):
    """A file that was read through.

    ``head``: its first lines, which hold no rows.
    ``sample``: the bytes of the first rows, to tell their columns by.
    """

    file: File
    head: bytes
    sample: bytes


class Records(NamedTuple):
    """The rows of a text: ``end``: the place behind the last whole one; ``count``: how many whole ones there are."""

    end: Callable[[bytes], int]
    count: Callable[[bytes], int]


def count_lines(text: bytes) -> int:
    """Count the lines that hold anything."""
    return sum(1 for line in text.split(b"\n") if line.strip())


def last_line_end(text: bytes) -> int:
    """The place behind the last line break."""
    return text.rfind(b"\n") + 1


LINES = Records(last_line_end, count_lines)


class Run(NamedTuple):
    """The text of some rows of a file, which follow each other: a group of them, or a part of it.

    ``start``: the byte of the unpacked file at which it begins.
    """

    text: bytes
    start: int
    rows: int


def ignore(run: Run) -> None:
    """Look at no row."""


def scan(
    fs: Any, path: str, url: str, head_lines: int, records: Records = LINES, on_run: Callable[[Run], None] = ignore
) -> Scan:
    """Read a file once: its digest, and its rows as groups; DataError for a file that is no text.

    ``on_run`` is called with all rows, one run after the other.
    """
    with _opened(fs, path, url) as (stream, is_compressed):
        cut = _Cut(head_lines, records, is_compressed, on_run)
        while chunk := stream.read(GROUP_BYTES):
            if not cut.size and (foreign := magic.named(bytes(chunk[: magic.LENGTH]), magic.FOREIGN)):
                raise DataError(f"{url} is {foreign}, no file of lines; set data.format, or store it as Parquet.")
            cut.add(bytes(chunk))
    cut.finish()
    return Scan(
        File(url, cut.size, cut.digest.hexdigest(), tuple(g for g in cut.groups if g.rows)), cut.head, cut.sample
    )


class _Cut:
    """The way through one file, chunk by chunk; ``is_whole``: all rows are one group."""

    def __init__(self, head_lines: int, records: Records, is_whole: bool, on_run: Callable[[Run], None]) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""
        self.sample = b""
        self.groups: list[Group] = []
        self._head_lines = head_lines
        self._records = records
        self._is_whole = is_whole
        self._on_run = on_run
        self._rest = b""  # the start of a row whose end has not been read yet
        self._start = 0  # the byte at which the rest starts
        self._whole = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.size += len(chunk)
        text = self._rest + chunk
        if self._head_lines:
            end = _end_of_line(text, self._head_lines)
            if not end:
                self._rest = text
                return
            self._take_head(text[:end])
            text = text[end:]
        end = self._records.end(text)
        if end:
            self._take_rows(text[:end])
        self._rest = text[end:]

    def finish(self) -> None:
        """Take what no line break ends: a row, or the last line of the head."""
        if self._head_lines:
            self._take_head(self._rest)
            self._rest = b""
        if self._rest.strip():
            self._take_rows(self._rest, is_last=True)

    def _take_head(self, head: bytes) -> None:
        self.head = head
        self._head_lines = 0
        self._start = len(head)
        self._whole.update(head)

    def _take_rows(self, body: bytes, is_last: bool = False) -> None:
        rows = self._records.count(body if body.endswith(b"\n") or not is_last else body + b"\n")
        if rows:
            self.sample = self.sample or body
            self._on_run(Run(body, self._start, rows))
        if not self._is_whole:
            self.groups.append(Group(rows, self._start, len(body), group_digest(self.head, body)))
        else:
            self._whole.update(body)
            rows += self.groups[0].rows if self.groups else 0
            size = self._start + len(body) - len(self.head)
            self.groups = [Group(rows, len(self.head), size, self._whole.digest()[:GROUP_DIGEST_BYTES])]
        self._start += len(body)


def read_text(fs: Any, path: str, file: File, group: int, head_lines: int) -> tuple[bytes, bytes]:
    """The head of a file and the bytes of one group; DataError where these are not those of the plan."""
    place = file.groups[group]
    first = min(g.start for g in file.groups)
    with _opened(fs, path, file.url) as (stream, is_compressed):
        if is_compressed:
            text = bytes(stream.read())
            head = text[:first]
            body = text[place.start : place.start + place.size]
        else:
            head = bytes(stream.read(first))
            stream.seek(place.start)
            body = bytes(stream.read(place.size))
    head = head[: _end_of_line(head, head_lines)] if head_lines else b""
    if group_digest(head, body) != place.digest:
        raise changed(file.url, f"its header, or the {place.size} bytes from byte {place.start} on, are others")
    return head, body


def group_digest(head: bytes, body: bytes | pa.Buffer) -> bytes:
    """The digest of the bytes that a group is read from."""
    digest = hashlib.sha256(head)
    digest.update(body)
    return digest.digest()[:GROUP_DIGEST_BYTES]


@contextmanager
def _opened(fs: Any, path: str, url: str) -> Iterator[tuple[Any, bool]]:
    """Open a file and tell whether it is compressed, by its first bytes; what is read then is unpacked."""
    with fs.open_input_file(path) as source:
        codec = magic.named(bytes(source.read(magic.LENGTH)), magic.COMPRESSED)
        source.seek(0)
        if codec is None:
            yield source, False
            return
        try:
            with pa.CompressedInputStream(source, codec) as stream:
                yield stream, True
        except (pa.ArrowException, OSError, EOFError) as exc:
            raise DataError(f"{url} is not a whole file of {codec}: {str(exc).splitlines()[0]}") from exc


def _end_of_line(text: bytes, number: int) -> int:
    """The place behind the line of this number, from 1 on; 0 where it has no end."""
    end = 0
    for _ in range(number):
        end = text.find(b"\n", end) + 1
        if not end:
            return 0
    return end
