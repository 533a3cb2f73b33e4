"""The command ``yarnml recommend``: the best items of every user of a model, as a Parquet dataset on any storage.

The dataset appears by one rename, complete or not at all.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from yarnml import storage
from yarnml.data.dataset import inspect, is_typed, read_group
from yarnml.data.formats import parquet
from yarnml.data.layouts import shown
from yarnml.data.schema import Schema, names_of_columns
from yarnml.data.uses import types_for
from yarnml.errors import DataError, ExportError, translated
from yarnml.events.text import count_of, format_metrics
from yarnml.job.places import absolute_path
from yarnml.model.held_out import HeldOut
from yarnml.model.recommender import Recommender, recommender_of
from yarnml.model.top_items import NOTHING, Seen, best
from yarnml.model.towers import KIND, Tower
from yarnml.model.versions import Content, read_model, resolve
from yarnml.storage import atomic

ROWS_PER_FILE = 1 << 20
"""A file has at most the rows of one block of users more."""


def recommend(
    model: str,
    top: int,
    output: str,
    seen: str | None = None,
    users: str | None = None,
    items: str | None = None,
    held_out: str | None = None,
) -> str:
    """Write the ``top`` best items of every user to a new folder; returns what was done, in a line.

    ``seen``: data whose pairs of user and item are left out; they are held in memory.
    ``users``, ``items``: of two towers, data with the columns of the query and of the item.
    ``held_out``: data whose pairs should be recommended; what is returned tells how many were.
    """
    model = absolute_path("MODEL", model, Path.cwd())
    target = absolute_path("--output", output, Path.cwd()).rstrip("/")
    if _exists(target):
        raise ExportError(f"--output {target} exists; choose another folder, or remove it.")
    folder = resolve(model)
    content = read_model(folder)
    recommender = _recommender(content, users, items)

    def pairs(path: str | None, field: str) -> Seen:
        return recommender.pairs(_tables(path, recommender.pair, field), f"{field} {path}") if path else NOTHING

    left_out = pairs(seen, "--seen")
    quality = HeldOut(pairs(held_out, "--held-out"), left_out, recommender.users, top)
    tables = quality.count(best(recommender.factors, recommender.users, top, left_out.known))
    rows = write(map(recommender.named, tables), target)
    done = f"{rows} items for {len(recommender.users)} users by {folder} are in {target}{recommender.left_out}"
    if not held_out:
        return done
    return f"{done}; {format_metrics(quality.metrics())} over {count_of(quality.users, 'user')} with held-out items"


def _recommender(content: Content, users: str | None, items: str | None) -> Recommender:
    names = f"--users {users}" if users else "--users", f"--items {items}" if items else "--items"
    if content.about["learner"]["kind"] != KIND:
        recommender = recommender_of(content, None, None, names)
        if users or items:
            raise ExportError("A model of ratings has its users and items in itself; leave --users and --items out.")
        return recommender

    def table(path: str | None, tower: str, field: str) -> pa.Table | None:
        return pa.concat_tables(_tables(path, Tower(tower, content).schema, field)) if path else None

    return recommender_of(content, table(users, "query", "--users"), table(items, "item", "--items"), names)


def _exists(target: str) -> bool:
    with translated(ExportError, f"--output {target} can't be looked at"):
        return storage.exists(target)


def _tables(path: str, schema: Schema, field: str) -> Iterator[pa.Table]:
    """The columns of a dataset that become the features of a schema."""
    path = absolute_path(field, path, Path.cwd())
    names = names_of_columns(schema.features)
    dataset, stored = inspect(path, "auto", field, names=names)
    if missing := [name for name in names if name not in stored.names]:
        raise DataError(f"{field} {path} has no column '{missing[0]}'; it has {shown(stored.names)}.")
    columns = pa.schema([stored.field(name) for name in names])
    if not is_typed(dataset):
        columns = types_for(schema, columns)
    return (read_group(dataset, file, group, columns) for file, group in dataset.places)


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
