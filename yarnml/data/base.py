"""Files of rows: a dataset as the master sees it, and the protocol of a file format.

A file is a sequence of groups (Parquet row groups, runs of CSV lines), each the least that is read at once.  Only
sizes and positions live here, so that a dataset of thousands of files travels in one message.
"""

import hashlib
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec import Struct

from yarnml.data.arrays import value_numbers
from yarnml.data.nested import Paths
from yarnml.data.partitions import Partition
from yarnml.data.sampling import FOLDS_SEED, SPLIT_SEED, fold_numbers, split_rows
from yarnml.data.selection import Selection, group_hashes
from yarnml.errors import DataError


class Group(Struct, frozen=True, array_like=True, gc=False):
    """A group's place in its file: ``rows`` rows in ``size`` bytes from byte ``start`` on.

    ``digest`` stands for the bytes that are read for it, where the format has no checksums of its own.
    ``deleted``: the places of stored rows that are none of the table's, see `yarnml.data.deleted`.
    """

    rows: int
    start: int
    size: int
    digest: bytes = b""
    deleted: bytes = b""


class File(Struct, frozen=True, array_like=True, gc=False):
    """One file.  ``digest`` stands for the contents: of the footer for Parquet, of all bytes for CSV.

    ``partition``: columns that its folders hold.
    ``names``: columns of the table that have another name in the file, each with that.
    """

    url: str
    size: int
    digest: str
    groups: tuple[Group, ...]
    partition: Partition = ()
    names: tuple[tuple[str, str], ...] = ()


class GroupShare(NamedTuple):
    """A dataset's share of one group, by counts alone.

    ``number``: of the group, over all files of the dataset.
    ``first``: rows of the dataset in the groups before it.
    ``rows``: rows of the dataset in this group.
    """

    number: int
    first: int
    rows: int


class GroupRows(NamedTuple):
    """Rows of one group; ``folds`` [rows] is the part that each is in, where the dataset has folds."""

    table: pa.Table
    folds: npt.NDArray[np.int32] | None = None


class Split(Struct, frozen=True, array_like=True):
    """A seeded random part of every group's rows: the ``fraction`` held out, or with ``held_out`` false the rest.

    With ``by``, a column, its values have the same shares of both parts of a group, to a row.
    """

    seed: int
    fraction: float
    held_out: bool
    by: str | None = None

    def rows_of(self, table: pa.Table, share: GroupShare, low: int, high: int) -> GroupRows:
        """Rows ``low`` … ``high`` - 1 of this part of a group; ``table``: all rows of the group, with column ``by``."""
        held = share.rows if self.held_out else table.num_rows - share.rows
        seed = [self.seed, SPLIT_SEED, share.number]
        chosen = split_rows(table.num_rows, held, seed, held_out=self.held_out, strata=_strata(table, self.by))
        return GroupRows(table.take(chosen[low:high]))


class Fold(Struct, frozen=True, array_like=True):
    """The choice of rows that count in one fold of a cross-validation.

    These are all but the rows of part ``number``, counted from 0, of ``folds`` equal parts; or with ``held_out`` the
    rows of that part alone.  With ``by``, a column, its values have the same shares of all parts of a group, to two
    rows.  With ``group``, a column, all rows of one value of it are in one part, which its hash chooses.
    """

    seed: int
    folds: int
    number: int
    held_out: bool
    by: str | None = None
    group: str | None = None

    @property
    def facts(self) -> list[object]:
        """All that decides which rows these are."""
        return [self.seed, self.folds, self.number, self.held_out, self.by, *([self.group] if self.group else [])]

    @property
    def column(self) -> str | None:
        """The column that decides with the seed; None where there is none."""
        return self.group or self.by

    def group_numbers(self, table: pa.Table) -> npt.NDArray[np.int32]:
        """[rows]: the part of every row of a table, by the column ``group`` alone."""
        hashes = group_hashes(table.column(str(self.group)), f"folds {self.seed}:")
        return (hashes % np.uint64(self.folds)).astype(np.int32)

    def rows_of(self, table: pa.Table, share: GroupShare, low: int, high: int) -> GroupRows:
        """Rows ``low`` … ``high`` - 1 of a group, and their parts; ``table``: all its rows, with the `column`."""
        if self.group:
            return GroupRows(table.slice(low, high - low), self.group_numbers(table)[low:high])
        seed = [self.seed, FOLDS_SEED, share.number]
        numbers = fold_numbers(table.num_rows, share.first, self.folds, seed, _strata(table, self.by))
        return GroupRows(table.slice(low, high - low), numbers[low:high])

    def counts(self, folds: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """[rows]: whether a row of each of these parts counts in this fold."""
        return (folds == self.number) == self.held_out


def _strata(table: pa.Table, by: str | None) -> npt.NDArray[np.int64] | None:
    """[rows]: a number for each value of a column; None without a column."""
    return None if by is None else value_numbers(table.column(by))


class Dataset(Struct, frozen=True, dict=True):
    """Files of one format and one schema; with ``selection`` or ``split``, a part of their rows.

    With ``fold`` it has all the rows, cut in the same way for every fold, and some of them count.
    ``csv``: the dialect of CSV, a `yarnml.job.csv.Csv` as JSON; empty for the usual one.
    ``paths``: of columns that are parts of structs.
    ``table``: the kind of table that the files are of, where such a table has versions; ``snapshot``: its version.
    """

    format: str
    files: tuple[File, ...]
    split: Split | None = None
    fold: Fold | None = None
    selection: Selection | None = None
    csv: str = ""
    paths: Paths = ()
    table: str = ""
    snapshot: int | None = None

    @property
    def rows(self) -> int:
        return sum(self.group_rows)

    @property
    def places(self) -> list[tuple[int, int]]:
        """The number of its file and its own in that file, of each group in order."""
        return [(f, g) for f, file in enumerate(self.files) for g in range(len(file.groups))]

    @cached_property
    def first_groups(self) -> list[int]:
        """The number of the first group of each file, over all files in order."""
        return [0, *accumulate(len(file.groups) for file in self.files)]

    @property
    def stored_rows(self) -> list[int]:
        """Rows of each group as it is stored."""
        return [g.rows for f in self.files for g in f.groups]

    @property
    def group_rows(self) -> list[int]:
        """Rows of this dataset in each group, over all files in order."""
        sizes = list(self.selection.rows) if self.selection else self.stored_rows
        if self.split is None:
            return sizes
        # Each group holds out what brings the total to the fraction, so that the groups' roundings don't add up.
        held: list[int] = []
        seen = 0
        taken = 0
        for rows in sizes:
            seen += rows
            held.append(int(seen * self.split.fraction) - taken)
            taken += held[-1]
        return held if self.split.held_out else [n - h for n, h in zip(sizes, held, strict=True)]

    @property
    def fingerprint(self) -> str:
        """A name of the rows, wherever they are stored: a digest over files in order, their contents and the choice."""
        files = [(f.size, f.digest, *([f.partition] if f.partition else [])) for f in self.files]
        facts: list[object] = [self.format, files, self.split, *([self.fold.facts] if self.fold else [])]
        facts += self.selection.facts if self.selection else []
        facts += [self.csv] if self.csv else []
        facts += [deleted] if any(deleted := [g.deleted for f in self.files for g in f.groups]) else []
        facts += [names] if any(names := [f.names for f in self.files]) else []
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()

    @property
    def stratum(self) -> str | None:
        """The column without which `rows_of` can't choose rows; None where there is no such column."""
        if self.split:
            return self.split.by
        return self.fold.column if self.fold else None

    def rows_of(self, table: pa.Table, share: GroupShare, low: int, high: int) -> GroupRows:
        """Rows ``low`` … ``high`` - 1 of this dataset's share of a group.

        ``table``: all rows of the group, some of its columns, `stratum` among them.
        """
        if choice := self.split or self.fold:
            return choice.rows_of(table, share, low, high)
        return GroupRows(table if high - low == table.num_rows else table.slice(low, high - low))


class Format(Protocol):
    """The reader of one file format.  It raises DataError with the file's name for a broken file.

    ``TYPED``: whether the files say what type a column has; otherwise `inspect` guesses and `read` converts.
    """

    TYPED: bool

    def inspect(self, fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
        """The columns and the groups of one file, without decoding its rows."""

    def read(self, fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
        """The rows of one group, these columns; a format that is not typed converts to the given types.

        Raises the error that `changed` makes where the file is not the one that `inspect` saw.
        """

    def head(self, fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
        """The first rows of the file, at least one and about so many, as `read` gives them."""


def changed(url: str, difference: str) -> DataError:
    """The error for a file that is not the one that the plan saw; ``difference`` says by what that is known."""
    return DataError(
        f"{url} has changed since the job began: {difference}; put it back as it was, or train anew with --restart."
    )
