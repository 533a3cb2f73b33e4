"""The formats of files, by the names that a job file gives them."""

from functools import lru_cache
from typing import Any

import msgspec

from yarnml.data.base import Format
from yarnml.data.formats import arrow, avro, images, json, libsvm, magic, orc, parquet, tfrecord
from yarnml.data.formats.csv import CsvFormat
from yarnml.errors import JobFileError
from yarnml.job.csv import Csv

FORMATS: dict[str, Format] = {
    "parquet": parquet,
    "orc": orc,
    "avro": avro,
    "arrow": arrow,
    "tfrecord": tfrecord,
    "csv": CsvFormat(Csv()),
    "json": json,
    "libsvm": libsvm,
    "images": images,
}

SPARSE = frozenset({"json", "tfrecord"})
"""Formats that leave out what is null, so that a file may lack a whole column."""

SUFFIXES = {
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
    ".orc": "orc",
    ".avro": "avro",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".libsvm": "libsvm",
    ".svm": "libsvm",
    ".svmlight": "libsvm",
    ".png": "images",
    ".jpg": "images",
    ".jpeg": "images",
    ".webp": "images",
    ".gif": "images",
    ".bmp": "images",
    ".tif": "images",
    ".tiff": "images",
}
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
"""Endings behind those of files of lines."""

LINES = ("csv", "json", "libsvm")
"""Formats of lines, which may be compressed."""

UNREAD = (".xz", ".snappy", ".zip", ".xlsx", ".seq", ".deflate", ".lzo", ".h5", ".npz")
"""Endings of names of compressed files and of other formats, which are refused with what they are."""


@lru_cache(64)
def reader_of(format: str, csv: str) -> Format:
    """The reader of a format; ``csv``: the dialect of CSV as JSON, empty for the usual one."""
    return CsvFormat(msgspec.json.decode(csv, type=Csv)) if csv else FORMATS[format]


def format_of(url: str, fs: Any, path: str, field: str) -> str:
    """The format of a file, by the end of its name, or by its first bytes; JobFileError where neither tells."""
    name = url.lower()
    ending = next((end for end in COMPRESSED if name.endswith(end)), "")
    plain = name.removesuffix(ending)
    for suffix, format in SUFFIXES.items():
        if plain.endswith(suffix) and (not ending or format in LINES):
            return format
    for suffix in (*UNREAD, *COMPRESSED):
        if name.endswith(suffix):
            raise JobFileError(f"{field}: {url} can't be read as {suffix[1:]}; store it as {' or '.join(FORMATS)}.")
    beginning = magic.first_bytes(fs, path)
    if signed := magic.named(beginning, magic.FORMATS):
        return signed
    if foreign := magic.named(beginning, magic.FOREIGN):
        raise JobFileError(f"{field}: {url} is {foreign}, which is not read; store it as {' or '.join(FORMATS)}.")
    raise JobFileError(
        f"{field}: the format of {url} can't be told from its name; set data.format to {' or '.join(FORMATS)}."
    )
