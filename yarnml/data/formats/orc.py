"""ORC: a group is a stripe; the tail says all that the master needs."""

import hashlib
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.orc as po

from yarnml.data.base import File, Group, changed
from yarnml.data.formats.orc_tail import find_stripes, find_tail
from yarnml.errors import DataError, first_line
from yarnml.storage import Unavailable, tail, tail_of

TYPED = True
_MAGIC = b"ORC"  # begins a file


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the tail; its digest stands for the file."""
    try:
        size, end = find_tail(partial(tail, url), url)
        stripes = find_stripes(end, url)
        reader = po.ORCFile(pa.BufferReader(_MAGIC + end))  # the tail has been read, and is all that it looks at
        if (len(stripes), sum(stripe.rows for stripe in stripes)) != (reader.nstripes, reader.nrows):
            raise DataError(f"{url} is not a readable ORC file: its footer and its stripes differ.")
        groups = tuple(Group(stripe.rows, stripe.start, stripe.size) for stripe in stripes)
        return reader.schema, File(url, size, hashlib.sha256(end).hexdigest(), groups)
    except Unavailable:
        raise
    except (pa.ArrowException, OSError) as exc:
        raise DataError(f"{url} is not a readable ORC file: {first_line(exc)}") from exc


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    """Read one stripe.  Every read checks that the tail is the one of the plan; ORC has no checksums of its own."""
    try:
        with fs.open_input_file(path) as source:
            size, end = find_tail(partial(tail_of, source), file.url)
            digest = hashlib.sha256(end).hexdigest()
            if (size, digest) != (file.size, file.digest):
                raise changed(
                    file.url,
                    f"it had {file.size} bytes and a tail with the SHA-256 {file.digest[:12]}…, "
                    f"now {size} and {digest[:12]}…",
                )
            if not len(columns):
                return pa.table({"": pa.nulls(file.groups[group].rows)}).select([])
            batch = po.ORCFile(source).read_stripe(group, columns=columns.names)
            return pa.Table.from_batches([batch])
    except Unavailable:
        raise
    except (pa.ArrowException, OSError) as exc:
        raise DataError(f"Stripe {group} of {file.url} can't be read: {first_line(exc)}") from exc


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    group = next(number for number, place in enumerate(file.groups) if place.rows)
    return read(fs, path, file, group, columns).slice(0, rows)
