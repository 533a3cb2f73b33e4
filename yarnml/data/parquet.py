"""Parquet: a group is a row group; the footer tells all the master needs."""

import hashlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yarnml.data.base import File, Group
from yarnml.errors import DataError
from yarnml.storage import Unavailable

TYPED = True
_TAIL = 8  # the footer's length and the magic number end the file


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    try:
        with fs.open_input_file(path) as source:
            size = source.size()
            with pq.ParquetFile(source) as file:
                meta, schema = file.metadata, file.schema_arrow
                groups = tuple(_group(meta.row_group(i)) for i in range(meta.num_row_groups))
            footer = source.read_at(meta.serialized_size, size - _TAIL - meta.serialized_size)
    except Unavailable:
        raise
    except (pa.ArrowException, OSError) as exc:
        raise DataError(f"{url} is not a readable Parquet file: {_first_line(exc)}") from exc
    return schema, File(url, size, hashlib.sha256(footer).hexdigest(), groups)


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    try:
        with pq.ParquetFile(path, filesystem=fs, pre_buffer=True, page_checksum_verification=True) as reader:
            return reader.read_row_group(group, columns=columns.names)
    except Unavailable:
        raise
    except (pa.ArrowException, OSError) as exc:
        raise DataError(f"Row group {group} of {file.url} can't be read: {_first_line(exc)}") from exc


def _group(meta: Any) -> Group:
    columns = [meta.column(i) for i in range(meta.num_columns)]
    starts = [c.dictionary_page_offset or c.data_page_offset for c in columns]
    return Group(meta.num_rows, min(starts, default=0), sum(c.total_compressed_size for c in columns))


def _first_line(exc: BaseException) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]
