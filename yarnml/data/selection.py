"""The rows of a dataset's groups that a job uses: those that fulfil a condition, a random part of them, the first ones.

How many rows that leaves of every group is counted once, by the master, so that shards are exact runs of rows.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from yarnml.data.arrays import as_numpy, one_array
from yarnml.data.prepare.hashing import fnv1a, mixed, salt
from yarnml.data.sampling import SAMPLE_SEED, split_rows
from yarnml.data.where import expression_of, matching
from yarnml.errors import DataError
from yarnml.job.where import parse_condition

GROUP_PLACES = 2**30
"""Places of hashes, of which a fraction is held out."""


class GroupSplit(Struct, frozen=True, array_like=True):
    """Whole groups of rows, those with one value of a column: a ``fraction`` of the groups held out, or the others.

    A group is held out by the hash of its value, whichever file its rows lie in.
    """

    column: str
    fraction: float
    seed: int
    held_out: bool

    def rows_of(self, table: pa.Table) -> pa.Table:
        """The rows of these groups; null is a group of its own."""
        hashes = group_hashes(table.column(self.column), f"{self.seed}:")
        is_held = hashes % np.uint64(GROUP_PLACES) < self.fraction * GROUP_PLACES
        return table.filter(pa.array(is_held == self.held_out))


def group_hashes(column: pa.ChunkedArray, purpose: str) -> npt.NDArray[np.uint64]:
    """[rows]: a hash of each value, the same for equal ones, others for another purpose; null is the empty text."""
    coded = one_array(column, exact=True).cast(pa.large_string()).fill_null("").dictionary_encode()
    hashes = mixed(fnv1a(coded.dictionary) ^ salt(purpose))
    return hashes[as_numpy(coded.indices)]


class Selection(Struct, frozen=True, array_like=True):
    """``where``: the condition, on ``columns``, a schema in Arrow's IPC format.

    ``seed``: of the random choice of rows; None to take the first ones.
    ``groups``: whose rows.
    ``matching``, ``rows``: by group, over all files in order, the rows that fulfil the condition, and those that are
    chosen of them.
    """

    where: str | None
    columns: bytes
    seed: int | None
    matching: tuple[int, ...]
    rows: tuple[int, ...]
    groups: GroupSplit | None = None

    @property
    def facts(self) -> list[object]:
        """All that decides which rows these are, beside the contents of the files."""
        return [self.where, self.seed, self.rows, *([self.groups] if self.groups else [])]

    def columns_to_read(self, columns: pa.Schema) -> pa.Schema:
        """These columns, and those of the condition."""
        return pa.schema([*columns, *(field for field in _schema(self.columns) if field.name not in columns.names)])

    def rows_of(self, table: pa.Table, group: int, url: str) -> pa.Table:
        """The chosen rows of a group; ``table``: all its rows, with the columns of the condition.

        ``group``: its number, over all files.  DataError where other rows fulfil the condition than at the start.
        """
        table = matching_rows(table, self.where, self.groups, self.columns, url)
        if table.num_rows != self.matching[group]:
            raise DataError(
                f"{url} has changed since the job began: data.where fits {table.num_rows} rows of group {group}, not "
                f"{self.matching[group]}; put it back as it was, or train anew with --restart."
            )
        if self.seed is None or self.rows[group] == table.num_rows:
            return table.slice(0, self.rows[group])
        seed = [self.seed, SAMPLE_SEED, group]
        return table.take(split_rows(table.num_rows, self.rows[group], seed, held_out=True))


def matching_rows(table: pa.Table, where: str | None, groups: GroupSplit | None, columns: bytes, url: str) -> pa.Table:
    """The rows of a table that fulfil a condition, and belong to these groups; all without either."""
    if where is not None:
        table = matching(table, expression(where, columns), _schema(columns), url)
    return groups.rows_of(table) if groups else table


@lru_cache(16)
def expression(where: str, columns: bytes) -> pc.Expression:
    """A condition as Arrow's expression."""
    return expression_of(parse_condition(where), _schema(columns))


def counted_rows(matching: Sequence[int], sample: float | None, limit: int | None) -> tuple[int, ...]:
    """By group, how many rows to choose of those that match: the part ``sample`` of all, and at most ``limit``."""
    rows = []
    seen = 0
    taken = 0
    for count in matching:
        seen += count
        due = seen if sample is None else int(seen * sample)
        due = due if limit is None else min(due, limit)
        rows.append(min(due - taken, count))
        taken += rows[-1]
    return tuple(rows)


@lru_cache(16)
def _schema(columns: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(columns))
