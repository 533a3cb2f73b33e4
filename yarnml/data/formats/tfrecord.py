"""TFRecord files of ``tf.train.Example``: a group is a run of records of about 16 MiB; every checksum is checked.

Only the records say how long they are, so the master reads each file once when a job starts.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from yarnml.data.base import File, Group, changed
from yarnml.data.formats import lines
from yarnml.data.formats.tf_example import table_of
from yarnml.errors import DataError, JobFileError

TYPED = True
_HEADER = struct.Struct("<QI")  # the length of a record, and its masked CRC-32C
_CRC = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8
_MAX_RECORD = 2**30


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the file once: its digest, its records in groups, and the types of all features."""
    digest = hashlib.sha256()
    groups: list[Group] = []
    schemas = []
    with fs.open_input_file(path) as source:
        size = source.size()
        start = 0
        while start < size:
            body, records = _run(source, start, size, url)
            digest.update(body)
            groups.append(Group(len(records), start, len(body), lines.group_digest(b"", body)))
            schemas.append(table_of(records, None, url).schema)
            start += len(body)
    try:
        columns = pa.unify_schemas(schemas, promote_options="permissive") if schemas else pa.schema([])
    except pa.ArrowException as exc:
        raise DataError(f"{url} has features with one value in some rows and several in others: {exc}.") from exc
    return columns, File(url, size, digest.hexdigest(), tuple(groups))


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    place = file.groups[group]
    with fs.open_input_file(path) as source:
        source.seek(place.start)
        body = bytes(source.read(place.size))
    if lines.group_digest(b"", body) != place.digest:
        raise changed(file.url, f"the {place.size} bytes from byte {place.start} on are others")
    return table_of(_records(body), columns.names, f"{file.url} from byte {place.start} on")


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    return read(fs, path, file, 0, columns).slice(0, rows)


def _run(source: Any, start: int, size: int, url: str) -> tuple[bytes, list[bytes]]:
    """The bytes of the next records, of about a group's size, and these records; all their checksums are right."""
    crc = _crc32c()
    source.seek(start)
    parts: list[bytes] = []
    records: list[bytes] = []
    length = 0
    while length < lines.GROUP_BYTES and start + length < size:
        place = start + length
        header = bytes(source.read(_HEADER.size))
        if len(header) < _HEADER.size:
            raise DataError(f"{url} is not a whole TFRecord file: its record at byte {place} is cut off.")
        count, check = _HEADER.unpack(header)
        if _masked(crc(header[:8])) != check:
            raise DataError(f"{url} is not a readable TFRecord file: its record at byte {place} has a wrong length.")
        if count > _MAX_RECORD or place + _HEADER.size + count + _CRC.size > size:
            raise DataError(f"{url} is not a whole TFRecord file: its record at byte {place} is cut off.")
        record = bytes(source.read(count))
        trailer = bytes(source.read(_CRC.size))
        if _masked(crc(record)) != _CRC.unpack(trailer)[0]:
            raise DataError(f"{url} is damaged: its record at byte {place} has another checksum than was written.")
        parts += [header, record, trailer]
        records.append(record)
        length += len(header) + len(record) + len(trailer)
    return b"".join(parts), records


def _records(body: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(body):
        count = _HEADER.unpack_from(body, place)[0]
        place += _HEADER.size
        yield body[place : place + count]
        place += count + _CRC.size


def _masked(crc: int) -> int:
    """The CRC as TFRecord stores it, so that a CRC of CRCs stays of use."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _crc32c() -> Any:
    try:
        import google_crc32c
    except ImportError as exc:
        raise JobFileError("TFRecord files need the package google-crc32c: pip install 'yarnml[tfrecord]'.") from exc
    return google_crc32c.value
