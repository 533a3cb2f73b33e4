"""Common parts of the steps for texts: the columns that they take, and the words in them.

A word is a run of letters, digits and '_', of any alphabet.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Places, is_text
from yarnml.data.prepare.base import NUMBERS
from yarnml.job.prepare import HashedTokens, Text, Tokens

BETWEEN_WORDS = r"[^\p{L}\p{N}_]+"


def needs(step: Text | Tokens | HashedTokens, kind: pa.DataType) -> str | None:
    return None if is_text(kind) else "text"


def gives(step: Text | Tokens | HashedTokens, kind: pa.DataType) -> pa.DataType:
    return NUMBERS


def words(column: pa.Array, lower: bool) -> tuple[pa.Array, Places]:
    """The words of all rows, row by row, and the row of each word."""
    text = column.cast(pa.large_string())
    lists = pc.split_pattern_regex(pc.utf8_lower(text) if lower else text, BETWEEN_WORDS)
    pieces = pc.list_flatten(lists)
    rows = pc.list_parent_indices(lists)
    is_word = pc.not_equal(pieces, "")  # where a text begins or ends with something else, a piece is empty
    return pieces.filter(is_word), rows.filter(is_word).to_numpy(zero_copy_only=False).astype(np.int64)
