"""JSON Lines: a JSON object in every line.  Types are those of the values; fields that a line lacks are nulls."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.json as pj

from yarnml.data.arrays import is_text
from yarnml.data.base import File
from yarnml.data.formats import lines
from yarnml.data.formats.json_mixed import joined, with_texts
from yarnml.data.whole import MAX_DIGITS
from yarnml.errors import DataError, first_line

TYPED = True
_BLOCK_BYTES = 16 * 2**20
_MAX_BLOCK_BYTES = 2**30


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the file once: its lines as groups, and the types of all its values."""
    schemas: list[pa.Schema] = []

    def look(run: lines.Run) -> None:
        if not schemas and run.text.lstrip()[:1] == b"[":
            raise DataError(f"{url} is one JSON list, but a line for each row is needed; write JSON Lines.")
        schemas.append(_parse(run, url, None).schema)

    file = lines.scan(fs, path, url, 0, on_run=look).file
    try:
        return joined(schemas), file
    except pa.ArrowException as exc:
        raise DataError(f"{url} holds values of several types in one field: {first_line(exc)}.") from exc


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    place = file.groups[group]
    _, text = lines.read_text(fs, path, file, group, 0)
    return _parse(lines.Run(text, place.start, place.rows), file.url, columns)


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    return read(fs, path, file, 0, columns).slice(0, rows)


def _parse(run: lines.Run, url: str, columns: pa.Schema | None) -> pa.Table:
    where = f"{url} from byte {run.start} on"
    try:
        table = _decode(run.text, columns)
    except pa.ArrowException as exc:
        raise DataError(f"{where} is not readable JSON Lines: {first_line(exc).rstrip('.')}; mend it.") from exc
    if table.num_rows != run.rows:
        raise DataError(f"{where} has {run.rows} lines but {table.num_rows} objects; give each its own line.")
    return table


def _decode(body: bytes, columns: pa.Schema | None) -> pa.Table:
    """The rows of a text; with ``columns`` these alone, of their types as far as they fit the values."""
    if columns is None:
        return _inferred(body)
    try:
        return _rows(body, columns).select(columns.names)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # the latter for maps, which vectors become for keys
        # A type that the job gives does not fit the values as they stand, or there are several in different files.
        texts = pa.schema([field for field in columns if is_text(field.type)])
        try:
            table = _rows(body, texts, infers=True)
        except pa.ArrowInvalid:
            table = _inferred(body)
    for field in columns:
        if field.name not in table.column_names:
            table = table.append_column(field.name, pa.nulls(table.num_rows, field.type))
        elif is_text(field.type) and pa.types.is_floating(table.schema.field(field.name).type):
            table = _with_digits(table, field.name, body)
    return table.select(columns.names)


def _with_digits(table: pa.Table, name: str, body: bytes) -> pa.Table:
    """The table with a column of whole numbers in all their digits, of which float64 would round some."""
    digits = pa.schema({name: pa.decimal128(MAX_DIGITS)})
    try:
        return table.set_column(table.column_names.index(name), name, _rows(body, digits).column(name))
    except pa.ArrowInvalid:  # fractions
        return table


def _inferred(body: bytes) -> pa.Table:
    """The rows with the types of their values; texts where a field holds them beside numbers."""
    try:
        return _rows(body, None)
    except pa.ArrowInvalid:
        texts = with_texts(body)
        if texts is None:
            raise
        return _rows(texts, None)


def _rows(body: bytes, columns: pa.Schema | None, infers: bool = False) -> pa.Table:
    behavior = "infer" if columns is None or infers else "ignore"
    if columns is not None and not len(columns) and not infers:  # no field, but so many rows
        return pj.read_json(io.BytesIO(body), _read_options(body))
    parse = pj.ParseOptions(explicit_schema=columns, unexpected_field_behavior=behavior)
    return pj.read_json(io.BytesIO(body), _read_options(body), parse)


def _read_options(body: bytes) -> pj.ReadOptions:
    longest = max(map(len, body.split(b"\n"))) if len(body) > _BLOCK_BYTES else len(body)
    return pj.ReadOptions(block_size=min(max(longest + 2, _BLOCK_BYTES), _MAX_BLOCK_BYTES))
