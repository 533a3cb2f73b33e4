"""Files of rows: a dataset as the master sees it, and the protocol of a file format.

A file is a sequence of groups (Parquet row groups, runs of CSV lines), each the least that is read at once.  Only
sizes and positions live here, so that a dataset of thousands of files travels in one message.
"""

import hashlib
from typing import Any, Protocol

import msgspec
import pyarrow as pa
from msgspec import Struct

from yarnml.errors import DataError


class Group(Struct, frozen=True, array_like=True):
    """``rows`` rows from byte ``start`` on, ``size`` bytes long in the file.

    ``digest`` stands for the bytes that are read for it, where the format has no checksums of its own.
    """

    rows: int
    start: int
    size: int
    digest: bytes = b""


class File(Struct, frozen=True, array_like=True):
    """``digest`` stands for the contents: of the footer for Parquet, of all bytes for CSV."""

    url: str
    size: int
    digest: str
    groups: tuple[Group, ...]


class Split(Struct, frozen=True, array_like=True):
    """A seeded random part of every group's rows: the ``fraction`` held out, or with ``held_out`` false the rest.

    With ``by``, a column, its values have the same shares of both parts of a group, to a row.
    """

    seed: int
    fraction: float
    held_out: bool
    by: str | None = None


class Fold(Struct, frozen=True, array_like=True):
    """Which rows count in one fold of a cross-validation: all but those of part ``number``, counted from 0, of
    ``folds`` equal parts of the rows, or with ``held_out`` the rows of that part alone.

    With ``by``, a column, its values have the same shares of all parts of a group, to two rows.
    """

    seed: int
    folds: int
    number: int
    held_out: bool
    by: str | None = None


class Dataset(Struct, frozen=True):
    """Files of one format and one schema; with ``split``, a part of their rows.

    With ``fold`` it has all the rows, cut in the same way for every fold, and some of them count.
    """

    format: str
    files: tuple[File, ...]
    split: Split | None = None
    fold: Fold | None = None

    @property
    def rows(self) -> int:
        return sum(self.group_rows)

    @property
    def group_rows(self) -> list[int]:
        """Rows of this dataset in each group, over all files in order."""
        sizes = [g.rows for f in self.files for g in f.groups]
        if self.split is None:
            return sizes
        held, seen, taken = [], 0, 0
        for rows in sizes:
            seen += rows
            held.append(int(seen * self.split.fraction) - taken)
            taken += held[-1]
        return held if self.split.held_out else [n - h for n, h in zip(sizes, held, strict=True)]

    @property
    def fingerprint(self) -> str:
        """Names the rows, wherever they are stored: a digest over files in order, their contents and the choice."""
        facts = [self.format, [(f.size, f.digest) for f in self.files], self.split, *([self.fold] if self.fold else [])]
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


class Format(Protocol):
    """How one file format is looked into and read.  Raise DataError with the file's name for a broken file.

    ``TYPED``: whether the files say what type a column has; otherwise `inspect` guesses and `read` converts.
    """

    TYPED: bool

    def inspect(self, fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
        """The columns and the groups of one file, without decoding its rows."""

    def read(self, fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
        """The rows of one group, these columns; a format that is not typed converts to the given types.

        `changed` where the file is not what `inspect` saw.
        """


def changed(url: str, what: str) -> DataError:
    """The file is not what the plan saw, ``what`` says by what that is known."""
    return DataError(
        f"{url} has changed since the job began: {what}; put it back as it was, or train anew with --restart."
    )
