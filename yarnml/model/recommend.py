"""The command ``yarnml recommend``: the best items of every user of a model, as a Parquet dataset on any storage.

The dataset appears by one rename, complete or not at all.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from yarnml import storage
from yarnml.data.dataset import inspect, is_typed, read_group
from yarnml.data.formats import parquet
from yarnml.data.layouts import shown
from yarnml.data.schema import Schema
from yarnml.data.uses import types_for
from yarnml.errors import DataError, ExportError, translated
from yarnml.events.text import count_of
from yarnml.job.places import absolute_path
from yarnml.model.pairs import pairs_of
from yarnml.model.rating_ids import ids_of, numbers_of
from yarnml.model.top_items import NOTHING, Factors, Seen, best, factors_of, seen_of
from yarnml.model.versions import read_model, resolve
from yarnml.storage import atomic

ROWS_PER_FILE = 1 << 20
"""A file has at most the rows of one block of users more."""


def recommend(model: str, top: int, output: str, seen: str | None = None) -> str:
    """Write the ``top`` best items of every user to a new folder; returns what was done, in a line.

    ``seen``: data whose pairs of user and item are left out; they are held in memory.
    """
    model = absolute_path("MODEL", model, Path.cwd())
    target = absolute_path("--output", output, Path.cwd()).rstrip("/")
    if _exists(target):
        raise ExportError(f"--output {target} exists; choose another folder, or remove it.")
    folder = resolve(model)
    content = read_model(folder)
    ids = ids_of(content.schema)
    factors = ids.restricted(factors_of(content.arrays))
    users = numbers_of(None, ids, factors)
    pairs = _read(absolute_path("--seen", seen, Path.cwd()), content.schema, factors) if seen else NOTHING
    rows = write(map(ids.named, best(factors, users, top, pairs)), target)
    unrated = len(factors.users.factors) - len(users)
    left_out = f"; {count_of(unrated, 'user')} without ratings left out" if unrated else ""
    return f"{rows} items for {len(users)} users by {folder} are in {target}{left_out}"


def _exists(target: str) -> bool:
    with translated(ExportError, f"--output {target} can't be looked at"):
        return storage.exists(target)


def _read(path: str, schema: Schema, factors: Factors) -> Seen:
    """Return the pairs in a dataset, by the names of the model's feature columns."""
    dataset, stored = inspect(path, "auto", "--seen")
    names = [f.name for f in schema.features]
    if missing := [name for name in names if name not in stored.names]:
        raise DataError(f"--seen {path} has no column '{missing[0]}'; it has {shown(stored.names)}.")
    columns = pa.schema([stored.field(name) for name in names])
    if not is_typed(dataset):
        columns = types_for(schema, columns)
    tables = (read_group(dataset, file, group, columns) for file, group in dataset.places)
    return seen_of(np.concatenate([pairs_of(table, schema, f"--seen {path}") for table in tables]), factors)


def write(tables: Iterable[pa.Table], target: str, rows: int = ROWS_PER_FILE) -> int:
    """Write a new folder of files of about ``rows`` rows, of whole tables; returns the number of all rows."""
    written = 0
    with translated(ExportError, f"--output {target} can't be written"), atomic.create(target) as folder:
        for number, table in enumerate(_joined(tables, rows)):
            storage.write(storage.join(folder, f"part-{number:05d}.parquet"), parquet.encode(table))
            written += table.num_rows
    return written


def _joined(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Join tables to some of about ``rows`` rows."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(t.num_rows for t in held) >= rows:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)
