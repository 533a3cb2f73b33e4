"""Rows that know their places in the dataset, and the numbers of groups that any process gives to their values."""

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import as_numpy, one_array
from yarnml.data.schema import Rows
from yarnml.errors import DataError

MAX_ROWS = 2**22
"""Rows of a dataset among which anything is worked out: every worker holds a few numbers for each."""

Vector = npt.NDArray[np.float64]


class PlacedRows(NamedTuple):
    """A batch of rows, padded; its first row is row ``place`` of the dataset.

    ``groups`` float64 [rows without padding]: the number of each row's group, above 0; 1 where the data has none.
    """

    rows: Rows
    place: int
    groups: Vector


def group_numbers(column: pa.ChunkedArray, where: str) -> Vector:
    """[rows]: a number above 0 for each value, the same for equal values wherever they are: 52 bits of a hash.

    DataError for nulls.
    """
    values = one_array(column)
    if values.null_count:
        raise DataError(
            f"{where} has {values.null_count} nulls, and a row without a group can't be ranked; drop these."
        )
    encoded = values.dictionary_encode()
    texts = pc.cast(encoded.dictionary, pa.string()).to_pylist()
    hashes = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 12 for text in texts]
    numbers = np.array(hashes, np.float64) + 1
    return numbers[as_numpy(encoded.indices)] if len(numbers) else np.empty(0)
