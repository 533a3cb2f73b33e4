"""A file for each image: its bytes, its name, and the name of its folder, which often is its class."""

import hashlib
from typing import Any

import pyarrow as pa

from yarnml.data.base import File, Group, changed
from yarnml.errors import DataError

TYPED = True

COLUMNS = pa.schema({"image": pa.binary(), "folder": pa.string(), "name": pa.string()})


def inspect(fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
    """Read the file once, for its digest."""
    body = _bytes(fs, path)
    if not body:
        raise DataError(f"{url} is empty.")
    digest = hashlib.sha256(body)
    group = Group(1, 0, len(body), digest.digest())
    return COLUMNS, File(url, len(body), digest.hexdigest(), (group,))


def read(fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
    """The one row of a file, which is not read for its name alone."""
    *_, folder, name = ["", *file.url.split("/")]
    row: dict[str, Any] = {"folder": folder, "name": name}
    if "image" in columns.names:
        row["image"] = _bytes(fs, path)
        if hashlib.sha256(row["image"]).digest() != file.groups[group].digest:
            raise changed(file.url, "its bytes are others")
    return pa.table({field.name: pa.array([row[field.name]], field.type) for field in columns})


def head(fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
    return read(fs, path, file, 0, columns)


def _bytes(fs: Any, path: str) -> bytes:
    with fs.open_input_stream(path) as source:
        return bytes(source.read())
