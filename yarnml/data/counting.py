"""The count of the rows of each group that ``data.where`` chooses, before anything starts."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from msgspec.structs import replace

from yarnml import storage
from yarnml.data.base import Dataset
from yarnml.data.dataset import is_typed, read_stored
from yarnml.data.formats.registry import reader_of
from yarnml.data.layouts import Layout, Use, used_columns
from yarnml.data.selection import Selection, counted_rows, expression, matching_rows
from yarnml.data.types import with_types
from yarnml.data.where import type_to_compare
from yarnml.errors import DataError
from yarnml.job.conditions import columns_of
from yarnml.job.spec import Data
from yarnml.job.where import parse_condition

MAX_GROUPS_AT_ONCE = 4
"""Groups whose compared columns are in the master's memory together."""


def with_selection(
    dataset: Dataset, data: Data, layouts: list[Layout], stored: pa.Schema, field: str, seed: int | None
) -> Dataset:
    """The dataset with the rows that the job chooses of it.

    ``stored``: the columns that the job reads beside, with their types.
    ``field``: of the job file, for the error where no row is left.
    ``seed``: of ``data.sample``; None for data that is not trained on, which has neither sample nor limit.
    """
    sample = data.sample if seed is not None else None
    limit = data.limit if seed is not None else None
    if data.where is None and sample is None and limit is None:
        return dataset
    columns = _compared_columns(dataset, data, layouts, stored) if data.where else pa.schema([])
    written = columns.serialize().to_pybytes()
    counts = _counts(dataset, data.where, columns, written) if data.where else tuple(dataset.stored_rows)
    rows = counted_rows(counts, sample, limit)
    if not any(rows):
        what = f"data.where fits none of the {sum(dataset.stored_rows)} rows" if not any(counts) else "no row is left"
        raise DataError(f"{field}: {what}; choose more.")
    chosen = Selection(data.where, written, seed if sample is not None else None, counts, rows)
    return replace(dataset, selection=chosen)


def _compared_columns(dataset: Dataset, data: Data, layouts: list[Layout], stored: pa.Schema) -> pa.Schema:
    """The columns of the condition, each with the type in which it is compared."""
    values = columns_of(parse_condition(str(data.where)))
    used = used_columns(layouts, [Use("where", name) for name in values], is_typed(dataset))
    if not is_typed(dataset):
        used = pa.schema([field.with_type(type_to_compare(values[field.name], field.type)) for field in used])
    used = with_types(used, data.types)
    return pa.schema([stored.field(f.name) if f.name in stored.names else f for f in used]).remove_metadata()


def _counts(dataset: Dataset, where: str | None, columns: pa.Schema, written: bytes) -> tuple[int, ...]:
    """The rows of each group that fulfil the condition; groups whose statistics say that none does are not read."""
    assert where is not None
    condition = expression(where, written)

    def count(file: int) -> list[int]:
        entry = dataset.files[file]
        possible = range(len(entry.groups))
        reader = reader_of(dataset.format, dataset.csv)
        if hasattr(reader, "possible_groups") and not any(name in columns.names for name, _ in entry.partition):
            fs, path = storage.arrow(entry.url)
            possible = reader.possible_groups(fs, path, condition, columns)
        counts = [0] * len(entry.groups)
        for group in possible:
            table = read_stored(dataset, file, group, columns)
            counts[group] = matching_rows(table, where, written, entry.url).num_rows
        return counts

    with ThreadPoolExecutor(MAX_GROUPS_AT_ONCE) as pool:
        return tuple(rows for counts in pool.map(count, range(len(dataset.files))) for rows in counts)
