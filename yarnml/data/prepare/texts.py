"""What the steps for texts share: the columns that they take, and the words in them.

A word is a run of letters, digits and '_', of any alphabet.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import is_text
from yarnml.data.prepare.base import NUMBERS
from yarnml.job.prepare import HashedTokens, Text, Tokens

READ = pa.string()
BETWEEN_WORDS = r"[^\p{L}\p{N}_]+"


def needs(step: Text | Tokens | HashedTokens, kind: pa.DataType) -> str | None:
    return None if is_text(kind) else "text"


def gives(step: Text | Tokens | HashedTokens, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def words(column: pa.Array, lower: bool) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The words of all rows, one row's behind the other's, and the row of each."""
    text = column.cast(pa.large_string())
    lists = pc.split_pattern_regex(pc.utf8_lower(text) if lower else text, BETWEEN_WORDS)
    found, rows = pc.list_flatten(lists), pc.list_parent_indices(lists)
    there = pc.not_equal(found, "")
    return found.filter(there), rows.filter(there).to_numpy(zero_copy_only=False).astype(np.int64)
