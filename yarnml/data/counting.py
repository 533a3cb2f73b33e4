"""The count of the rows of each group that ``data.where`` chooses, before anything starts."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from msgspec.structs import replace

from yarnml import storage
from yarnml.data.base import Dataset
from yarnml.data.choices import Choice
from yarnml.data.dataset import is_typed, read_stored
from yarnml.data.elements import name_of
from yarnml.data.formats.registry import reader_of
from yarnml.data.layouts import Layout, Use, used_columns
from yarnml.data.selection import Selection, counted_rows, expression, matching_rows
from yarnml.data.types import with_types
from yarnml.data.where import type_to_compare
from yarnml.errors import DataError
from yarnml.job.conditions import columns_of
from yarnml.job.where import parse_condition

MAX_GROUPS_AT_ONCE = 4
"""Groups whose compared columns are in the master's memory together."""


def with_selection(
    dataset: Dataset, choice: Choice, types: Mapping[str, str], layouts: list[Layout], stored: pa.Schema, field: str
) -> Dataset:
    """The dataset with the rows that the job chooses of it.

    ``types``: of ``data.types``.  ``stored``: the columns that the job reads beside, with their types.
    ``field``: of the job file, for the error where no row is left.
    """
    if choice.is_all:
        return dataset
    columns = _compared_columns(dataset, choice, types, layouts, stored)
    written = columns.serialize().to_pybytes()
    counts = _counts(dataset, choice, columns, written) if len(columns) else tuple(dataset.stored_rows)
    rows = counted_rows(counts, choice.sample, choice.limit)
    if not any(rows):
        fits = "no group is among them" if choice.groups else f"{choice.where} fits none of them"
        what = fits if not any(counts) else "no row is left"
        raise DataError(f"{field}: of {sum(dataset.stored_rows)} rows {what}; choose more.")
    seed = choice.seed if choice.sample is not None else None
    return replace(dataset, selection=Selection(choice.where, written, seed, counts, rows, choice.groups))


def _compared_columns(
    dataset: Dataset, choice: Choice, types: Mapping[str, str], layouts: list[Layout], stored: pa.Schema
) -> pa.Schema:
    """The columns that decide, each with the type in which it is compared."""
    values = columns_of(parse_condition(choice.where)) if choice.where else {}
    uses = [Use("where", name) for name in values]
    if choice.groups and choice.groups.column not in values:
        uses.append(Use("validation.group", choice.groups.column))
    used = used_columns(layouts, uses, is_typed(dataset), types)
    if not is_typed(dataset):
        text = pa.string()
        used = pa.schema(
            [f.with_type(type_to_compare(values[f.name], f.type) if f.name in values else text) for f in used]
        )
    used = with_types(used, types)
    return pa.schema([stored.field(f.name) if f.name in stored.names else f for f in used]).remove_metadata()


def _counts(dataset: Dataset, choice: Choice, columns: pa.Schema, written: bytes) -> tuple[int, ...]:
    """The rows of each group that are chosen; groups whose statistics say that none is are not read."""
    condition = expression(choice.where, written) if choice.where else None

    def count(file: int) -> list[int]:
        entry = dataset.files[file]
        possible = range(len(entry.groups))
        reader = reader_of(dataset.format, dataset.csv)
        made = {name for name, _ in (*entry.partition, *entry.names)} | set(map(name_of, dataset.paths))
        if condition is not None and hasattr(reader, "possible_groups") and not made & set(columns.names):
            fs, path = storage.arrow(entry.url)
            possible = reader.possible_groups(fs, path, condition, columns)
        counts = [0] * len(entry.groups)
        for group in possible:
            table = read_stored(dataset, file, group, columns)
            counts[group] = matching_rows(table, choice.where, choice.groups, written, entry.url).num_rows
        return counts

    with ThreadPoolExecutor(MAX_GROUPS_AT_ONCE) as pool:
        return tuple(rows for counts in pool.map(count, range(len(dataset.files))) for rows in counts)
