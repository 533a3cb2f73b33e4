"""CSV with a header line: a group is a run of whole lines of about 16 MiB.

Lines must be counted to know which rows a shard holds, so the master reads each file once when a job starts.
"""

import csv
import hashlib
import io
import re
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from yarnml.data.base import File, Group, changed
from yarnml.errors import DataError

GROUP_BYTES = 16 * 2**20

GROUP_DIGEST_BYTES = 8
"""Enough to see a change; a full digest would make the message with thousands of groups longer."""

NULL_VALUES = [*pc.ConvertOptions().null_values, r"\N"]
"""pyarrow's, such as NA and nothing, and Hive's."""

BINARY = {
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"\xfd7zXZ": "compressed with xz",
    b"PK\x03\x04": "a zip archive, such as a spreadsheet",
    b"PAR1": "a Parquet file",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}
"""What files are that begin so."""

REMEDIES = {
    "to double: invalid": "; a number is needed: mend it; of a feature, impute of data.prepare fills what is empty, "
    "and one_hot, category, hash or text make numbers of text; of a label, data.label_type: class takes text",
    "to int64: invalid": "; the values or classes that the job gives are whole numbers: mend it, or give them as text",
    "to bool: invalid": "; the column begins with true and false: mend it, or give values or classes as text",
    "Expected ": "; a line has more or fewer values than the header, or a line break inside quotes: mend it, or store "
    "this data as Parquet",
}
"""What to do about an error, by pyarrow's words."""

TYPED = False


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the file once: its header, its digest, and its lines as groups that end at line ends."""
    digest = hashlib.sha256()
    size = 0
    groups: list[Group] = []
    head = b""
    rest = b""  # the start of a line whose end has not been read yet
    start = 0  # the byte at which the rest starts
    with fs.open_input_stream(path, compression=None) as stream:  # else pyarrow goes by the name's ending
        while chunk := stream.read(GROUP_BYTES):
            digest.update(chunk)
            if not size:
                _check_text(chunk, url)
            size += len(chunk)
            text = rest + chunk
            if not head:
                end = text.find(b"\n") + 1
                if not end:
                    rest = text
                    continue
                head = text[:end]
                text = text[end:]
                start = end
            end = text.rfind(b"\n") + 1
            if end:
                body = memoryview(text)[:end]
                groups.append(Group(_lines(text[:end]), start, end, _group_digest(head, body)))
            rest = text[end:]
            start += end
    if not head:  # one line, and no line end
        head = rest
        rest = b""
    if rest.strip():
        groups.append(Group(1, start, len(rest), _group_digest(head, rest)))
    try:
        header = head.decode()
    except UnicodeDecodeError as exc:
        raise DataError(f"{url} is not UTF-8 text: {exc}; convert it to UTF-8.") from exc
    if not header.strip():
        raise DataError(f"{url} is empty: a CSV file needs a header line and rows below it.")
    file = File(url, size, digest.hexdigest(), tuple(g for g in groups if g.rows))
    return (_parse(fs, path, file, 0, None) if file.groups else _decode(head + b"\n", None, url)).schema, file


def _check_text(beginning: bytes, url: str) -> None:
    """Refuse a file that does not begin as text does."""
    for magic, name in BINARY.items():
        if beginning.startswith(magic):
            raise DataError(f"{url} is {name}, not plain CSV; unpack it, or store this data as Parquet.")


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    return _parse(fs, path, file, group, columns)


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    return read(fs, path, file, 0, columns).slice(0, rows)


def _group_digest(header: bytes, body: bytes | memoryview) -> bytes:
    """The digest of the bytes that a group is read from."""
    digest = hashlib.sha256(header)
    digest.update(body)
    return digest.digest()[:GROUP_DIGEST_BYTES]


def _lines(text: bytes) -> int:
    """Lines that hold anything: pyarrow skips empty ones."""
    return sum(1 for line in text.split(b"\n") if line.strip())


def _parse(fs: Any, path: str, file: File, group: int, columns: pa.Schema | None) -> pa.Table:
    place = file.groups[group]
    with fs.open_input_file(path) as source:
        head = source.read(min(g.start for g in file.groups))
        source.seek(place.start)
        body = source.read(place.size)
    if _group_digest(head[: head.find(b"\n") + 1], body) != place.digest:
        raise changed(file.url, f"its header, or the {place.size} bytes from byte {place.start} on, are others")
    table = _decode(head + body, columns, f"{file.url} from byte {place.start} on")
    if table.num_rows != place.rows:
        raise DataError(
            f"{file.url} from byte {place.start} on has {place.rows} lines but {table.num_rows} rows; "
            "line breaks inside quotes are not supported in CSV, so store this data as Parquet."
        )
    return table


def _decode(text: bytes, columns: pa.Schema | None, where: str) -> pa.Table:
    """The rows of a text with a header line; with ``columns`` these alone, converted to their types."""
    names, types = (columns.names, columns) if columns is not None else ([], None)
    convert = pc.ConvertOptions(
        include_columns=names, column_types=types, strings_can_be_null=True, null_values=NULL_VALUES
    )
    try:
        table = pc.read_csv(io.BytesIO(text), convert_options=convert)
        return table if columns is None else table.select(names)  # no name would be all of them
    except pa.ArrowException as exc:
        raise DataError(f"{where} is not readable CSV: {_reason(str(exc), text)}") from exc


def _reason(message: str, text: bytes) -> str:
    """pyarrow's words, with the name of the column for its number, and what to do."""
    header = _header(text)
    names = dict(enumerate(header))
    reason = re.sub(r"^In CSV column #(\d+):", lambda match: f"column '{names.get(int(match[1]), match[1])}':", message)
    remedy = next((words for sign, words in REMEDIES.items() if sign in reason), "")
    return reason.splitlines()[0].rstrip(".") + remedy + "."


def _header(text: bytes) -> list[str]:
    """The names in the first line; none where it can't be told."""
    try:
        return next(csv.reader([text.partition(b"\n")[0].decode(errors="replace").strip()]), [])
    except csv.Error:  # a carriage return among them, or a name without end
        return []
