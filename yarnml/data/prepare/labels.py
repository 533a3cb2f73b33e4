"""The labels of training rows, for steps that learn from them, and their sums by the values of a column."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from msgspec import Struct

from yarnml.data.arrays import Array, Places
from yarnml.data.prepare.exact import UNIT_BITS, exact_sums
from yarnml.data.prepare.hashing import mixed


class TrainingRows(NamedTuple):
    """The labels and numbers of rows to train on, which a step may see beside its column.

    ``labels`` [rows]: class numbers, or the numbers to predict in float64, counted from ``centre``.
    ``numbers`` [rows]: the number of each row among all rows to train on.
    ``classes``: as text; none where labels are numbers.
    """

    labels: Array
    numbers: Places
    classes: list[str]
    centre: float

    def folds(self, count: int) -> Places:
        """[rows]: the part of ``count`` that each row is in, by a hash of its number."""
        return (mixed(self.numbers.astype(np.uint64)) % np.uint64(count)).astype(np.int64)


class LabelSums(Struct, frozen=True, tag="label_sums"):
    """Sums of labels by the value of a column and by fold, exact; of more values than ``limit``, some.

    ``sums``: for each value, for each fold: of classes the rows of each; of numbers the rows, the sum of the labels and
    that of their squares, written by `_text`.
    """

    sums: list[tuple[Any, list[str]]]
    folds: int
    classes: list[str]
    centre: float
    limit: int

    def merged(self, other: "LabelSums") -> "LabelSums":
        total = dict(self.sums)
        for value, sums in other.sums:
            if value in total:
                total[value] = [_text(_whole(a) + _whole(b)) for a, b in zip(total[value], sums, strict=True)]
            elif len(total) <= self.limit:
                total[value] = sums
        return LabelSums(list(total.items()), self.folds, self.classes, self.centre, self.limit)

    @property
    def is_empty(self) -> bool:
        return not self.sums

    @property
    def too_many(self) -> bool:
        return len(self.sums) > self.limit

    def cells(self, value_sums: Sequence[str]) -> list[list[int]]:
        """The sums of a value by fold, as whole numbers."""
        numbers = [_whole(text) for text in value_sums]
        size = len(numbers) // self.folds
        return [numbers[low : low + size] for low in range(0, len(numbers), size)]


def label_sums(column: pa.Array, rows: TrainingRows, folds: int, limit: int) -> LabelSums:
    """Sum the labels of one piece by value and fold; rows with null do not count."""
    present = column.is_valid().to_numpy(zero_copy_only=False)
    coded = column.drop_null().dictionary_encode()
    cells = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64) * folds + rows.folds(folds)[present]
    count = len(coded.dictionary) * folds
    labels = rows.labels[present]
    if rows.classes:
        classes = len(rows.classes)
        sums = np.bincount(cells * classes + labels, minlength=count * classes).tolist()
    else:
        columns = [
            np.bincount(cells, minlength=count).tolist(),
            *(exact_sums(x, cells, count) for x in (labels, labels**2)),
        ]
        sums = [number for cell in zip(*columns, strict=True) for number in cell]
    size = len(sums) // max(1, len(coded.dictionary))
    by_value = [[_text(n) for n in sums[low : low + size]] for low in range(0, len(sums), max(1, size))]
    sums_of_values = list(zip(coded.dictionary.to_pylist(), by_value, strict=True))[: limit + 1]
    return LabelSums(sums_of_values, folds, rows.classes, rows.centre, limit)


def fraction(units: int) -> Fraction:
    """The number that a sum of labels, or of their squares, stands for."""
    return Fraction(units, 1 << UNIT_BITS)


def _text(number: int) -> str:
    """A whole number, in hexadecimal, without the zeros that end it, and how many binary ones these are."""
    zeros = max((number & -number).bit_length() - 1, 0)
    return f"{number >> zeros:x}p{zeros}"


def _whole(text: str) -> int:
    mantissa, zeros = text.split("p")
    return int(mantissa, 16) << int(zeros)
