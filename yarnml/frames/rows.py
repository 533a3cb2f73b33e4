"""Rows in memory as a table of a job: which columns are features, label and weight; and the file that it becomes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from yarnml.data.arrays import Array
from yarnml.data.shapes import columns_of
from yarnml.data.tables import array_of, column_of, is_column, table_of
from yarnml.errors import DataError

ARRAY = "x"
"""The column that holds the rows of an array, as lists: its features are x[0], x[1], …"""

MATRIX = 2
"""Dimensions of an array [rows, labels]."""

GROUP_BYTES = 64 * 2**20
"""Bytes of a row group, the least that is read at once."""


class JobRows(NamedTuple):
    """A table, and the fields of the job file's ``data`` that say what its columns are."""

    table: pa.Table
    fields: dict[str, Any]


def tabulate(
    frame: Any,
    label: Any = None,
    weight: Any = None,
    group: Any = None,
    offset: Any = None,
    exposure: Any = None,
    *,
    features: Sequence[str] | None = None,
) -> JobRows:
    """Make a table of a frame of any library, a mapping of columns, or an array [rows, width] or [rows, *shape].

    ``label`` to ``exposure``: the name of a column, or one value for each row.  Several labels: a list of names of
    columns, or an array [rows, labels].
    ``features``: names of columns; None for all others.
    Raises DataError for what is no table, and for columns that are missing or of another length.
    """
    table = None if is_column(frame) else table_of(frame, "fit")
    fields: dict[str, Any] = {}
    if table is None:
        x = array_of(frame, "fit")
        table = pa.table({ARRAY: _lists(x)})
        if x.ndim > 2:
            fields["shape"] = list(x.shape[1:])
    given = list(table.column_names) if features is None else list(features)
    roles: dict[str, Any] = {}
    several: list[str] = []
    if _are_names(label, table):
        several = list(label)
    elif np.ndim(label) == MATRIX:
        for number, values in enumerate(np.asarray(label).T):
            several.append(_free(f"label_{number}", table))
            table = _with_column(table, several[-1], values, "label")
    if several:
        roles["label"] = several
        label = None
    given_roles = {"label": label, "weight": weight, "group": group, "offset": offset, "exposure": exposure}
    for role, values in given_roles.items():
        if isinstance(values, str):
            columns_of(table, [values], "the table")
            roles[role] = values
        elif values is not None:
            roles[role] = _free(role, table)
            table = _with_column(table, roles[role], values, role)
    taken = {*several, *(name for name in roles.values() if isinstance(name, str))}
    chosen = [name for name in given if name not in taken or features is not None]
    columns_of(table, chosen, "the table")
    kept = dict.fromkeys([*chosen, *(name for name in (*several, *roles.values()) if isinstance(name, str))])
    return JobRows(table.select(list(kept)), {"features": chosen, **roles, **fields})


def _are_names(label: Any, table: pa.Table) -> bool:
    """Tell whether a label is a list of names of columns, and not of one text for each row."""
    names = {*table.column_names}
    is_list = isinstance(label, list | tuple) and len(label) > 0
    return is_list and all(isinstance(name, str) and name in names for name in label)


def write(table: pa.Table, path: str) -> None:
    """Write the table as Parquet; DataError for a column that Parquet can't hold."""
    rows = max(1, GROUP_BYTES * table.num_rows // max(1, table.nbytes))
    try:
        pq.write_table(table, path, row_group_size=rows)
    except (pa.ArrowException, OverflowError) as exc:
        raise DataError(f"fit can't write the table as Parquet: {str(exc).splitlines()[0]}") from exc


def _lists(x: Array) -> pa.Array:
    """The rows of an array [rows, …] as lists of one length."""
    if x.ndim < 2 or not x[:1].size:
        raise DataError(f"fit needs a table, or an array [rows, width] of numbers, got the shape {list(x.shape)}.")
    width = int(np.prod(x.shape[1:]))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(x).reshape(-1)), width)


def _free(name: str, table: pa.Table) -> str:
    """The name, or with as many _ behind it as it takes to be no column of the table."""
    while name in table.column_names:
        name += "_"
    return name


def _with_column(table: pa.Table, name: str, values: Any, role: str) -> pa.Table:
    column = column_of(values, "fit", role)
    if len(column) != table.num_rows:
        raise DataError(f"fit needs one {role} for each of {table.num_rows} rows, got {len(column)}.")
    return table.append_column(name, column)
