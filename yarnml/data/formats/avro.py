"""Avro: a group is a run of blocks of about 4 MiB.

Blocks have no checksums, and only they say how many rows they have, so the master reads each file once.
"""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from types import ModuleType
from typing import Any
from uuid import UUID

import pyarrow as pa

from yarnml.data.base import File, Group, changed
from yarnml.data.formats import lines
from yarnml.data.formats.avro_types import arrow_fields
from yarnml.errors import DataError, JobFileError, first_line

TYPED = True
_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_HEADER_BYTES = 64 * 2**10
_ROWS_AT_ONCE = 4096  # that are there as Python's objects
_GROUPS_IN_ONE_OF_LINES = 4  # decoding takes seconds for 16 MiB, and two shards that share a group decode all of it
_NO_COLUMN = ""  # holds the number of rows where no column is read

_BROKEN = (
    ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, StopIteration, AttributeError, MemoryError,
    struct.error, zlib.error, pa.ArrowException,
)  # fmt: skip
"""All that fastavro raises for bytes that are no Avro."""


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the file once: its schema, its digest, and its blocks in groups."""
    fastavro = _library()
    digest = hashlib.sha256()
    with fs.open_input_file(path) as source:
        size = source.size()
        header = _header(source, url)
        source.seek(0)
        digest.update(source.read(len(header)))
        groups = []
        for rows, start, body in _runs_of_blocks(source, header, url):
            groups.append(Group(rows, start, len(body), lines.group_digest(header, body)))
            digest.update(body)
    schema = _guarded(lambda: fastavro.reader(io.BytesIO(header)).writer_schema, url)
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise DataError(f"{url} holds {schema!r:.60}, but records are needed: an Avro file whose rows have fields.")
    return pa.schema(arrow_fields(schema)), File(url, size, digest.hexdigest(), tuple(g for g in groups if g.rows))


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    fastavro = _library()
    place = file.groups[group]
    with fs.open_input_file(path) as source:
        header = bytes(source.read(min(_length_of_header(source, file.url), place.start)))
        source.seek(place.start)
        body = bytes(source.read(place.size))
    if lines.group_digest(header, body) != place.digest:
        raise changed(file.url, f"its header, or the {place.size} bytes from byte {place.start} on, are others")

    def decode() -> pa.Table:
        # To leave out fields by a schema of the reader's own takes fastavro longer than to read them.
        reader = fastavro.reader(io.BytesIO(header + body))
        types = {name: kind for name, kind in arrow_fields(reader.writer_schema).items() if name in columns.names}
        batches = []
        while rows := list(islice(reader, _ROWS_AT_ONCE)):
            arrays = [_array([row[name] for row in rows], kind) for name, kind in types.items()]
            batches.append(pa.record_batch([*arrays, pa.nulls(len(rows))], [*types, _NO_COLUMN]))
        stored = pa.schema([*types.items(), (_NO_COLUMN, pa.null())])
        return pa.Table.from_batches(batches, stored).combine_chunks().select([*types])

    return _guarded(decode, f"{file.url} from byte {place.start} on")


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    return read(fs, path, file, 0, columns).slice(0, rows)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind) and isinstance(next((v for v in values if v is not None), None), UUID):
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, kind)


def _length_of_header(source: Any, url: str) -> int:
    length = len(_header(source, url))
    source.seek(0)
    return length


def _header(source: Any, url: str) -> bytes:
    """All before the first block: the magic number, the schema with other facts, and the mark between blocks."""
    text = bytes(source.read(_HEADER_BYTES))
    while True:
        if not text.startswith(_MAGIC):
            raise DataError(f"{url} is not an Avro file: it does not begin as one.")
        try:
            return text[: _end_of_facts(text) + _SYNC_BYTES]
        except IndexError as exc:
            more = bytes(source.read(len(text)))
            if not more:
                raise DataError(f"{url} is not a readable Avro file: its header is cut off.") from exc
            text += more


def _end_of_facts(text: bytes) -> int:
    """The place behind the map of the header; IndexError where the text ends before."""
    place = len(_MAGIC)
    while True:
        count, place = _long(text, place)
        if count < 0:
            _, place = _long(text, place)
        if not count:
            break
        for _ in range(2 * abs(count)):  # names and values
            length, place = _long(text, place)
            place += max(length, 0)
    if place + _SYNC_BYTES > len(text):
        raise IndexError
    return place


def _long(text: bytes, place: int) -> tuple[int, int]:
    """The whole number at a place, and the place behind it; IndexError where the text ends."""
    value = 0
    for shift in range(0, 70, 7):
        byte = text[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
    return (value >> 1) ^ -(value & 1), place


def _runs_of_blocks(source: Any, header: bytes, url: str) -> Iterator[tuple[int, int, bytes]]:
    """The blocks of a file in runs of about a group: the rows of each, its first byte, and its bytes."""
    blocks: list[bytes] = []
    rows = 0
    size = 0
    start = len(header)
    while block := _next_block(source, header[-_SYNC_BYTES:], url):
        rows += block[0]
        size += len(block[1])
        blocks.append(block[1])
        if size >= lines.GROUP_BYTES // _GROUPS_IN_ONE_OF_LINES:
            yield rows, start, b"".join(blocks)
            start += size
            blocks = []
            rows = 0
            size = 0
    if blocks:
        yield rows, start, b"".join(blocks)


def _next_block(source: Any, sync: bytes, url: str) -> tuple[int, bytes] | None:
    """The rows of the next block and its bytes; None at the end of the file."""
    start = source.tell()
    sizes = bytes(source.read(20))
    if not sizes:
        return None
    try:
        rows, place = _long(sizes, 0)
        length, place = _long(sizes, place)
    except IndexError as exc:
        raise DataError(f"{url} is not a whole Avro file: its block at byte {start} is cut off.") from exc
    end = start + place + length + _SYNC_BYTES
    if rows < 0 or length < 0 or end > source.size():
        raise DataError(f"{url} is not a whole Avro file: its block at byte {start} is cut off.")
    source.seek(start)
    block = bytes(source.read(end - start))
    if not block.endswith(sync):
        raise DataError(f"{url} is not a readable Avro file: its block at byte {start} ends otherwise than all.")
    return rows, block


def _guarded(decode: Callable[[], Any], where: str) -> Any:
    try:
        return decode()
    except _BROKEN as exc:
        raise DataError(f"{where} is not readable Avro: {first_line(exc)}.") from exc


def _library() -> ModuleType:
    try:
        import fastavro
        import fastavro.schema
    except ImportError as exc:
        raise JobFileError("Avro files need the package fastavro: pip install 'yarnml[avro]'.") from exc
    library: ModuleType = fastavro
    return library
