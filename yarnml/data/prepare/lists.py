"""The common part of kinds that take lists of numbers of any length; a null is an empty list."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Places, is_list, is_number, numeric, one_array, places_within, plain_type
from yarnml.data.prepare import numeric as numbers
from yarnml.data.prepare.base import NUMBERS

find = numbers.find_nothing


class Lists(NamedTuple):
    """The numbers of all lists, one's behind the other's.

    ``lengths`` [rows]; ``values`` float64 [entries]: NaN for nulls.
    """

    lengths: Places
    values: npt.NDArray[np.float64]

    @property
    def rows(self) -> Places:
        """[entries]: the row of each."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def places(self) -> Places:
        """[entries]: the place of each in its list."""
        return places_within(self.lengths)


def needs(step: Any, kind: pa.DataType) -> str | None:
    kind = plain_type(kind)
    return None if is_list(kind) and is_number(kind.value_type) else "lists of numbers"


def gives(step: Any, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def learn(step: Any, finding: Any, where: str) -> Any:
    return step


def lists_of(column: pa.Array, where: str) -> Lists:
    """The lists of a column; ``where``: the file and the column, as errors name them."""
    if pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.list_(column.type.value_type))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    entries = one_array(pa.chunked_array([column.flatten()]))
    return Lists(lengths, numeric(entries, "in lists", where).astype(np.float64))
