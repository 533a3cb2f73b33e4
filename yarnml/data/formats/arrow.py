"""Arrow IPC, files (Feather) and streams: a group is a record batch.

Batches have no checksums, so the master reads each file once when a job starts.
"""

import hashlib
from typing import Any

import pyarrow as pa

from yarnml.data.base import File, Group, changed
from yarnml.data.formats.lines import group_digest
from yarnml.errors import DataError, first_line
from yarnml.storage import Unavailable

TYPED = True
_MAGIC = b"ARROW1\0\0"
_OLD_FEATHER = b"FEA1"
_MESSAGE = b"\xff\xff\xff\xff"
_ALIGNMENT = 8
_MAX_SCHEMA_BYTES = 16 * 2**20
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read all messages of the file once; what stands before the first batch is read again with each."""
    digest = hashlib.sha256()
    try:
        with fs.open_input_file(path) as source:
            beginning = bytes(source.read(len(_MAGIC)))
            if beginning.startswith(_OLD_FEATHER):
                raise DataError(f"{url} is a Feather file of version 1, which pandas reads; write it as version 2.")
            start = len(_MAGIC) if beginning == _MAGIC else 0
            _check_end(source, start, url)
            places = _batches(source, start, url)
            first = places[0][0] if places else source.size()
            source.seek(start)
            head = bytes(source.read(first - start))
            stream = _as_stream(head, source)
            groups = []
            for begin, end in places:
                source.seek(begin)
                body = source.read_buffer(end - begin)
                digest.update(body)
                rows = _batch(stream, body).num_rows
                groups.append(Group(rows, begin, end - begin, group_digest(head, body)))
            schema = pa.ipc.open_stream(pa.BufferReader(stream)).schema
            digest.update(head)
            return schema, File(url, source.size(), digest.hexdigest(), tuple(groups))
    except Unavailable:
        raise
    except (pa.ArrowException, OSError, EOFError) as exc:
        raise DataError(f"{url} is not a readable Arrow file: {first_line(exc)}") from exc


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    place = file.groups[group]
    try:
        with fs.open_input_file(path) as source:
            start = len(_MAGIC) if bytes(source.read(len(_MAGIC))) == _MAGIC else 0
            first = min(g.start for g in file.groups)
            source.seek(start)
            head = bytes(source.read(first - start))
            source.seek(place.start)
            body = source.read_buffer(place.size)
            if group_digest(head, body) != place.digest:
                raise changed(file.url, f"its schema, or the {place.size} bytes from byte {place.start} on, are others")
            stream = _as_stream(head, source)
        return pa.Table.from_batches([_batch(stream, body)]).select(columns.names)
    except Unavailable:
        raise
    except (pa.ArrowException, OSError, EOFError) as exc:
        raise DataError(f"Batch {group} of {file.url} can't be read: {first_line(exc)}") from exc


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    group = next(number for number, place in enumerate(file.groups) if place.rows)
    return read(fs, path, file, group, columns).slice(0, rows)


def _check_end(source: Any, start: int, url: str) -> None:
    """Refuse a file without its end; a file's is the magic number, a stream's a mark."""
    end = _MAGIC.rstrip(b"\0") if start else _END_OF_STREAM
    size = source.size()
    if bytes(source.read_at(len(end), max(size - len(end), 0))) != end:
        raise DataError(f"{url} is not a whole Arrow file: its end is cut off, or it is of another format.")


def _batches(source: Any, start: int, url: str) -> list[tuple[int, int]]:
    """First byte of each record batch, and first byte after it."""
    source.seek(start)
    beginning = bytes(source.read(_MAX_SCHEMA_BYTES))
    source.seek(start if _is_message(beginning) else start + _first_message(beginning))
    places: list[tuple[int, int]] = []
    while True:
        begin = source.tell()
        try:
            message = pa.ipc.read_message(source)
        except EOFError:  # the mark of the end, or the end itself
            return places
        if message.type == "record batch":
            places.append((begin, source.tell()))
        elif places and message.type == "dictionary":
            raise DataError(
                f"{url} has dictionaries behind its first batch, as categories of Polars and growing ones have; "
                "write it as Parquet."
            )


def _as_stream(head: bytes, source: Any) -> bytes:
    """The head as one of a stream, which begins with the schema as a message.

    Polars writes the schema without the length that begins a message; it is in the footer, too.
    """
    if _is_message(head):
        return head
    return bytes(pa.ipc.open_file(source).schema.serialize()) + head[_first_message(head) :]


def _first_message(head: bytes) -> int:
    """The place of the first whole message."""
    place = head.find(_MESSAGE)
    while place >= 0 and (place % _ALIGNMENT or not _is_message(head[place:])):
        place = head.find(_MESSAGE, place + 1)
    return place if place >= 0 else len(head)


def _is_message(beginning: bytes) -> bool:
    try:
        pa.ipc.read_message(pa.BufferReader(beginning))
    except EOFError:
        return True
    except (pa.ArrowException, OSError):
        return False
    return True


def _batch(head: bytes, body: pa.Buffer) -> pa.RecordBatch:
    """One batch, with the schema and the dictionaries that stand before the first one."""
    before = pa.BufferReader(head)
    message = pa.ipc.read_message(before)
    if before.tell() < len(head):  # dictionaries, which only a whole stream brings
        return pa.ipc.open_stream(pa.BufferReader(b"".join([head, body]))).read_next_batch()
    schema = pa.ipc.read_schema(message)
    return pa.ipc.read_record_batch(pa.ipc.read_message(pa.BufferReader(body)), schema)
