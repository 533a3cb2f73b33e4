"""Parquet: a group is a row group; the footer says all that the master needs."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from yarnml.data.base import File, Group, changed
from yarnml.data.coded_columns import coded_names
from yarnml.errors import DataError, first_line
from yarnml.storage import ReadTail, Tail, Unavailable, tail, tail_of

TYPED = True
_TAIL_BYTES = 8  # the footer's length and the magic number, which end the file
_FIRST_READ_BYTES = 64 * 2**10  # mostly hold the whole footer, so that one read gets it

_MAX_HEAD_BYTES = 64 * 2**20
_BUFFER_BYTES = 2**20
_BATCH_ROWS = 8 * 2**10
_MAX_FOOTER_BYTES = 8 * 2**20


class Footers:
    """Footers that were used last, parsed, which takes a fifth of the time to read a row group of a wide file.

    ``limit``: bytes of those that are kept, as they are stored; parsed they take ten times as much.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parsed: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def metadata(self, digest: str, end: bytes) -> Any:
        """The metadata in the footer of this digest, at the ``end`` of its file."""
        with self._lock:
            footer = self._parsed.pop(digest, None)
            if footer is None:
                footer = (pq.read_metadata(pa.BufferReader(end)), _footer(end))
                self._bytes += footer[1]
            self._parsed[digest] = footer
            while self._bytes > self._limit and len(self._parsed) > 1:
                self._bytes -= self._parsed.popitem(last=False)[1][1]
            return footer[0]


_footers = Footers(_MAX_FOOTER_BYTES)


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    try:
        size, end = _end(partial(tail, url))
        meta = pq.read_metadata(pa.BufferReader(end))
        groups = tuple(_group(meta.row_group(i)) for i in range(meta.num_row_groups))
        return meta.schema.to_arrow_schema(), File(url, size, _digest(end), groups)
    except Unavailable:
        raise
    except (pa.ArrowException, OSError) as exc:
        raise DataError(f"{url} is not a readable Parquet file: {first_line(exc)}") from exc


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    """Read one row group.

    Every read checks that the footer is the one of the plan; pages are checked where the file has their checksums.
    """
    with _opened(fs, path, file, group, coded=coded_names(columns)) as reader:
        # Arrow's pool of one thread would cost more than it decodes: it gets each column as a task of its own.
        return reader.read_row_group(group, columns=columns.names, use_threads=pa.cpu_count() > 1)


def read_rows(fs: Any, path: str, file: File, group: int, columns: pa.Schema, low: int, high: int) -> pa.Table:
    """Read rows ``low`` … ``high`` - 1 of a row group, in the memory that these take.

    Pages are read and decoded from the first one on, since a row's place is known only then.
    """
    parts = []
    start = 0
    with _opened(fs, path, file, group, in_one_read=False) as reader:
        for batch in reader.iter_batches(_BATCH_ROWS, [group], columns.names, use_threads=pa.cpu_count() > 1):
            first = max(low - start, 0)
            last = min(high - start, batch.num_rows)
            if first < last:
                parts.append(batch.slice(first, last - first))
            start += batch.num_rows
            if start >= high:
                break
    return pa.Table.from_batches(parts)


def possible_groups(fs: Any, path: str, condition: pc.Expression, columns: pa.Schema) -> list[int]:
    """The row groups that may have rows which fulfil a condition on these columns, by their statistics."""
    import pyarrow.dataset as ds  # it loads pandas where that is installed, and most jobs need neither

    fragment = ds.ParquetFileFormat().make_fragment(path, fs)
    schema = pa.schema([columns.field(f.name) if f.name in columns.names else f for f in fragment.physical_schema])
    try:
        return [group.id for part in fragment.split_by_row_group(condition, schema) for group in part.row_groups]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Statistics that are finer than the type that files have in common, as of nanoseconds, or of half floats.
        return [*range(fragment.num_row_groups)]


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    group = next(number for number, place in enumerate(file.groups) if place.rows)
    # A whole group in one read is quicker, but the master has little memory.
    in_one_read = file.groups[group].size <= _MAX_HEAD_BYTES
    with _opened(fs, path, file, group, in_one_read=in_one_read) as reader:
        return pa.Table.from_batches([next(reader.iter_batches(rows, [group], columns.names))])


def encode(table: pa.Table, **options: Any) -> bytes:
    """The table as a file, whose pages have checksums; ``options``: of `pyarrow.parquet.write_table`."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True, **options)
    return bytes(sink.getvalue().to_pybytes())


@contextmanager
def _opened(
    fs: Any, path: str, file: File, group: int, *, in_one_read: bool = True, coded: Sequence[str] = ()
) -> Iterator[Any]:
    """Open the file that the plan saw, to read from one of its row groups: in one read, or column by column.

    ``coded``: columns to read as dictionaries.
    """
    try:
        with fs.open_input_file(path) as source:
            size, end = _end(partial(tail_of, source))
            digest = _digest(end)
            if (size, digest) != (file.size, file.digest):
                raise changed(
                    file.url,
                    f"it had {file.size} bytes and a footer with the SHA-256 {file.digest[:12]}…, "
                    f"now {size} and {digest[:12]}…",
                )
            meta = _footers.metadata(digest, end)
            how: dict[str, Any] = {"pre_buffer": in_one_read, "buffer_size": 0 if in_one_read else _BUFFER_BYTES}
            if coded:
                how["read_dictionary"] = coded
            with pq.ParquetFile(source, metadata=meta, page_checksum_verification=True, **how) as reader:
                yield reader
    except Unavailable:
        raise
    except (pa.ArrowException, OSError) as exc:
        raise DataError(f"Row group {group} of {file.url} can't be read: {first_line(exc)}") from exc


def _end(read_tail: ReadTail) -> Tail:
    """The end of a file: its footer and the length behind it, and mostly a little more before them."""
    end = read_tail(_FIRST_READ_BYTES)
    needed = _footer(end.data) + _TAIL_BYTES
    return read_tail(needed) if len(end.data) < needed <= end.size else end


def _footer(end: bytes) -> int:
    """The footer's length in bytes, which stands behind it."""
    return int.from_bytes(end[-_TAIL_BYTES:-4], "little")


def _digest(end: bytes) -> str:
    return hashlib.sha256(end[-_TAIL_BYTES - _footer(end) : -_TAIL_BYTES]).hexdigest()


def _group(meta: Any) -> Group:
    columns = [meta.column(i) for i in range(meta.num_columns)]
    starts = [c.dictionary_page_offset or c.data_page_offset for c in columns]
    return Group(meta.num_rows, min(starts, default=0), sum(c.total_compressed_size for c in columns))
