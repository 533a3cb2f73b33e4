"""The findings of passes over the training data: values, sums, quantiles, words.

Each kind adds up to the same, to the bit, however the rows were cut and in whatever order parts were merged: workers
merge what they read, the master what the workers report.
"""

import zlib
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from yarnml.data.prepare.exact import UNIT_BITS, exact_sums
from yarnml.data.prepare.labels import LabelSums

MAX_BINS = 1 << 14
"""Bins of a `Quantiles`, where nobody asks for fewer."""


class Extremes(Struct, frozen=True, tag="extremes"):
    """The least and the greatest finite number of a column; none where it has none."""

    ends: list[float]

    def merged(self, other: "Extremes") -> "Extremes":
        both = self.ends + other.ends
        return Extremes([min(both), max(both)] if both else [])

    @property
    def is_empty(self) -> bool:
        return not self.ends


def extremes(x: npt.NDArray[np.float64]) -> Extremes:
    """Find the ends of one piece."""
    finite = x[np.isfinite(x)]
    return Extremes([float(finite.min()), float(finite.max())] if len(finite) else [])


class PlaceCounts(Struct, frozen=True, tag="places"):
    """Rows, and how many of these have something at each place."""

    rows: int
    counts: list[int]

    def merged(self, other: "PlaceCounts") -> "PlaceCounts":
        total = np.array(self.counts, np.int64) + np.array(other.counts, np.int64)
        return PlaceCounts(self.rows + other.rows, total.tolist())

    @property
    def is_empty(self) -> bool:
        return not self.rows


class Values(Struct, frozen=True, tag="values"):
    """The different values of a column, each with its number of rows; of more than ``limit``, some."""

    counts: list[tuple[Any, int]]
    limit: int

    def merged(self, other: "Values") -> "Values":
        total = dict(self.counts)
        for value, rows in other.counts:
            if value in total or len(total) <= self.limit:
                total[value] = total.get(value, 0) + rows
        return Values(list(total.items()), self.limit)

    @property
    def is_empty(self) -> bool:
        return not self.counts

    @property
    def too_many(self) -> bool:
        return len(self.counts) > self.limit


def values(column: pa.Array, limit: int) -> Values:
    """Count the values of one piece, nulls aside.  -0.0 is 0.0, as in a merge: the two are equal, so one value."""
    column = column.drop_null()
    if pa.types.is_floating(column.type):
        column = pa.array(column.to_numpy(zero_copy_only=False) + column.type.to_pandas_dtype()(0))
    counted = pc.value_counts(column)[: limit + 1]
    return Values(list(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)), limit)


class Sum(Struct, frozen=True, tag="sum"):
    """A column's sum, exact: a whole number of 2^-1127, in hexadecimal."""

    rows: int
    total: str

    def merged(self, other: "Sum") -> "Sum":
        return Sum(self.rows + other.rows, hex(int(self.total, 16) + int(other.total, 16)))

    @property
    def is_empty(self) -> bool:
        return not self.rows

    @property
    def mean(self) -> float:
        """The mean of one row or more; rounded once."""
        return float(Fraction(int(self.total, 16), self.rows << UNIT_BITS))


def exact_sum(x: npt.NDArray[np.float64]) -> Sum:
    """Sum one piece of finite numbers."""
    return Sum(len(x), hex(exact_sums(x, np.zeros(len(x), np.int64), 1)[0]))


class Quantiles(Struct, frozen=True, tag="quantiles"):
    """A histogram of numbers: rows for each run of ``2^shift`` neighbouring float64s, by the run's number, ascending.

    ``shift`` is the least for which there are at most ``limit`` runs with rows, so 0 and exact for so many different
    numbers.  A part of the rows needs no larger shift than all of them, so merging in any order ends at the same.

    ``runs``, ``rows``: as bytes of uint64 and int64, since there may be thousands of columns.
    """

    shift: int
    runs: bytes
    rows: bytes
    limit: int = MAX_BINS

    def merged(self, other: "Quantiles") -> "Quantiles":
        shift = max(self.shift, other.shift)
        runs = [np.frombuffer(q.runs, np.uint64) >> np.uint64(shift - q.shift) for q in (self, other)]
        return _fitted(shift, np.concatenate(runs), np.frombuffer(self.rows + other.rows, np.int64), self.limit)

    @property
    def is_empty(self) -> bool:
        return not self.rows

    def at(self, shares: list[float]) -> list[float]:
        """The numbers below which these shares of the rows lie, interpolated between neighbours in order."""
        last = np.cumsum(np.frombuffer(self.rows, np.int64)) - 1  # place in order of the last row of each run
        middle = np.uint64((1 << self.shift) >> 1)
        numbers = _number((np.frombuffer(self.runs, np.uint64) << np.uint64(self.shift)) + middle)
        places = np.array(shares) * last[-1]
        below = np.floor(places)
        low, high = (numbers[np.searchsorted(last, place)] for place in (below, np.ceil(places)))
        return (low + (high - low) * (places - below)).tolist()


def quantiles(x: npt.NDArray[np.float64], limit: int = MAX_BINS) -> Quantiles:
    """Make the histogram of one piece; numbers that are not finite do not count."""
    runs, rows = np.unique(_order(x[np.isfinite(x)]), return_counts=True)
    return _fitted(0, runs, rows, limit)


def _fitted(shift: int, runs: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64], limit: int) -> Quantiles:
    """Add up equal runs, and join neighbours until there are few enough."""
    while True:
        different, place = np.unique(runs, return_inverse=True)
        if len(different) <= limit:
            total = np.zeros(len(different), np.int64)
            np.add.at(total, place, rows)
            return Quantiles(shift, different.tobytes(), total.tobytes(), limit)
        shift += 1
        runs = runs >> np.uint64(1)


_SIGN = np.uint64(1 << 63)


def _order(x: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """A whole number for each float64, in the same order; 0.0 and -0.0 are one."""
    bits = (x + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(order: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """The float64 of each whole number: the inverse of `_order`."""
    return np.where(order & _SIGN, order ^ _SIGN, ~order).view(np.float64)


class Words(Struct, frozen=True, tag="words"):
    """Counts of words: in all rows, or where these have more than ``limit`` different words, in a sample of them.

    A row's text alone decides its level (see `levels`).  ``levels[n]`` counts the words of the rows of level
    ``lowest + n``.  ``lowest`` is the least for which at most ``limit`` different words are left, so 0 and exact for so
    many.  A part of the rows needs no larger one than all of them, so merging in any order ends at the same.
    """

    lowest: int
    levels: list[dict[str, int]]
    limit: int

    def merged(self, other: "Words") -> "Words":
        lowest = max(self.lowest, other.lowest)
        left: list[list[dict[str, int]]] = [words.levels[lowest - words.lowest :] for words in (self, other)]
        return _sampled(lowest, [_added(counts) for counts in zip_longest(*left, fillvalue={})], self.limit)

    @property
    def counts(self) -> dict[str, int]:
        """The number of times that each word comes."""
        return _added(self.levels)

    def frequent(self, count: int, least: int) -> list[str]:
        """The ``count`` words that come most often, ``least`` times or more; of equally frequent ones the smaller."""
        total = self.counts
        return sorted((word for word in total if total[word] >= least), key=lambda word: (-total[word], word))[:count]


def levels(texts: pa.Array) -> npt.NDArray[np.int64]:
    """The number of zeros that end the CRC-32 of each text: 0 for half of them, 1 for a quarter, 2 for an eighth, …"""
    sums = np.array([zlib.crc32(text) for text in texts.cast(pa.large_binary()).to_pylist()], np.int64) | 1 << 32
    return np.frexp(sums & -sums)[1].astype(np.int64) - 1


def words_by_level(words: pa.Array, level: npt.NDArray[np.int64], limit: int) -> Words:
    """Count the words of one piece.

    ``level`` [words]: of the row of each word.
    """
    counted = [pc.value_counts(words.filter(pa.array(level == n))) for n in range(int(level.max(initial=-1)) + 1)]
    columns = [(counts.field(0).to_pylist(), counts.field(1).to_pylist()) for counts in counted]
    return _sampled(0, [dict(zip(*pair, strict=True)) for pair in columns], limit)


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total)


def _sampled(lowest: int, levels: list[dict[str, int]], limit: int) -> Words:
    """Leave out the lowest levels, until there are few enough words."""
    while len(set().union(*levels)) > limit:
        lowest += 1
        levels = levels[1:]
    return Words(lowest, levels, limit)


Finding = Values | Sum | Quantiles | Words | Extremes | PlaceCounts | LabelSums
