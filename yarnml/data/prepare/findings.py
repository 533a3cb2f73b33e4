"""What passes over the training data find.

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

BINS = 1 << 14  # most of a `Quantiles`
_MANTISSA = 53  # bits of a float64's
_LOWEST = 1074 + _MANTISSA  # -log2 of the unit in which every float64 is a whole number, after `frexp`
_HALF = 26  # bits of the lower part of a mantissa: sums of parts of 2^26 rows are exact in a float64


class Values(Struct, frozen=True, tag="values"):
    """The different values of a column, each with its number of rows; of more than ``most``, some."""

    counts: list[tuple[Any, int]]
    most: int

    def merged(self, other: "Values") -> "Values":
        total = dict(self.counts)
        for value, rows in other.counts:
            if value in total or len(total) <= self.most:
                total[value] = total.get(value, 0) + rows
        return Values(list(total.items()), self.most)

    @property
    def nothing(self) -> bool:
        return not self.counts

    @property
    def too_many(self) -> bool:
        return len(self.counts) > self.most


def values(column: pa.Array, most: int) -> Values:
    """Of one piece, nulls aside.  -0.0 is 0.0, as in a merge: the two are equal, so they are one value."""
    column = column.drop_null()
    if pa.types.is_floating(column.type):
        column = pa.array(column.to_numpy(zero_copy_only=False) + column.type.to_pandas_dtype()(0))
    counted = pc.value_counts(column)[: most + 1]
    return Values(list(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)), most)


class Sum(Struct, frozen=True, tag="sum"):
    """A column's sum, exact: a whole number of 2^-1127, in hexadecimal."""

    rows: int
    total: str

    def merged(self, other: "Sum") -> "Sum":
        return Sum(self.rows + other.rows, hex(int(self.total, 16) + int(other.total, 16)))

    @property
    def nothing(self) -> bool:
        return not self.rows

    @property
    def mean(self) -> float:
        """Of one row or more; rounded once."""
        return float(Fraction(int(self.total, 16), self.rows << _LOWEST))


def exact_sum(x: npt.NDArray[np.float64]) -> Sum:
    """Of one piece of finite numbers: their mantissas are whole numbers, which are added by exponent."""
    fractions, exponents = np.frexp(x)
    high, low = np.divmod(np.ldexp(fractions, _MANTISSA), 1 << _HALF)
    found, place = np.unique(exponents, return_inverse=True)
    total = 0
    for part, shift in ((high, _HALF), (low, 0)):
        for exponent, amount in zip(found.tolist(), np.bincount(place, part, len(found)), strict=True):
            total += int(amount) << (exponent + _LOWEST - _MANTISSA + shift)
    return Sum(len(x), hex(total))


class Quantiles(Struct, frozen=True, tag="quantiles"):
    """A histogram of numbers: rows for each run of ``2^shift`` neighbouring float64s, by the run's number, ascending.

    ``shift`` is the least for which there are at most `BINS` runs with rows, so 0 and exact for so many different
    numbers.  A part of the rows needs no larger shift than all of them, so merging in any order ends at the same.
    """

    shift: int
    runs: list[int]
    rows: list[int]

    def merged(self, other: "Quantiles") -> "Quantiles":
        shift = max(self.shift, other.shift)
        runs = [np.array(q.runs, np.uint64) >> np.uint64(shift - q.shift) for q in (self, other)]
        return _fitted(shift, np.concatenate(runs), np.array(self.rows + other.rows, np.int64))

    @property
    def nothing(self) -> bool:
        return not self.rows

    def at(self, shares: list[float]) -> list[float]:
        """The numbers below which these shares of the rows lie, interpolated between neighbours in order."""
        last = np.cumsum(np.array(self.rows, np.int64)) - 1  # place in order of the last row of each run
        middle = np.uint64((1 << self.shift) >> 1)
        numbers = _number((np.array(self.runs, np.uint64) << np.uint64(self.shift)) + middle)
        places = np.array(shares) * last[-1]
        below = np.floor(places)
        low, high = (numbers[np.searchsorted(last, place)] for place in (below, np.ceil(places)))
        return (low + (high - low) * (places - below)).tolist()


def quantiles(x: npt.NDArray[np.float64]) -> Quantiles:
    """Of one piece; what is not finite does not count."""
    runs, rows = np.unique(_order(x[np.isfinite(x)]), return_counts=True)
    return _fitted(0, runs, rows)


def _fitted(shift: int, runs: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]) -> Quantiles:
    """Equal runs added up, and neighbours joined until there are few enough."""
    while True:
        found, place = np.unique(runs, return_inverse=True)
        if len(found) <= BINS:
            total = np.zeros(len(found), np.int64)
            np.add.at(total, place, rows)
            return Quantiles(shift, found.tolist(), total.tolist())
        shift, runs = shift + 1, runs >> np.uint64(1)


_SIGN = np.uint64(1 << 63)


def _order(x: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    """A whole number for each float64, in the same order; 0.0 and -0.0 are one."""
    bits = (x + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _number(order: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """The inverse."""
    return np.where(order & _SIGN, order ^ _SIGN, ~order).view(np.float64)


class Words(Struct, frozen=True, tag="words"):
    """How often words come: in all rows, or where these have more than ``most`` different words, in a sample of them.

    A row's text alone decides its level (see `levels`).  ``levels[n]`` counts the words of the rows of level
    ``lowest + n``.  ``lowest`` is the least for which at most ``most`` different words are left, so 0 and exact for so
    many.  A part of the rows needs no larger one than all of them, so merging in any order ends at the same.
    """

    lowest: int
    levels: list[dict[str, int]]
    most: int

    def merged(self, other: "Words") -> "Words":
        lowest = max(self.lowest, other.lowest)
        left: list[list[dict[str, int]]] = [found.levels[lowest - found.lowest :] for found in (self, other)]
        return _sampled(lowest, [_added(counts) for counts in zip_longest(*left, fillvalue={})], self.most)

    def frequent(self, count: int, least: int) -> list[str]:
        """The ``count`` words that come most often, ``least`` times or more; of equally frequent ones the smaller."""
        total = _added(self.levels)
        return sorted((word for word in total if total[word] >= least), key=lambda word: (-total[word], word))[:count]


def levels(texts: pa.Array) -> npt.NDArray[np.int64]:
    """How many zeros end the CRC-32 of each text: 0 for half of them, 1 for a quarter, 2 for an eighth, …"""
    sums = np.array([zlib.crc32(text) for text in texts.cast(pa.large_binary()).to_pylist()], np.int64) | 1 << 32
    return np.frexp(sums & -sums)[1].astype(np.int64) - 1


def words_by_level(words: pa.Array, level: npt.NDArray[np.int64], most: int) -> Words:
    """Of one piece: its words, and the level of the row of each."""
    counted = [pc.value_counts(words.filter(pa.array(level == n))) for n in range(int(level.max(initial=-1)) + 1)]
    columns = [(found.field(0).to_pylist(), found.field(1).to_pylist()) for found in counted]
    return _sampled(0, [dict(zip(*pair, strict=True)) for pair in columns], most)


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total)


def _sampled(lowest: int, levels: list[dict[str, int]], most: int) -> Words:
    """Without the lowest levels, until there are few enough words."""
    while len(set().union(*levels)) > most:
        lowest, levels = lowest + 1, levels[1:]
    return Words(lowest, levels, most)


Finding = Values | Sum | Quantiles | Words
