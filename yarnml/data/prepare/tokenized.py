"""What the steps share that make ids of a text's first words: which words these are, and where the ids stand."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare.texts import words
from yarnml.job.prepare import FIRST_WORD, PADDING, HashedTokens, Tokens

Places = npt.NDArray[np.int64]


def names(step: Tokens | HashedTokens, column: str) -> list[str]:
    return [f"{column}[{place}]" for place in range(step.length)]


def first_words(step: Tokens | HashedTokens, column: pa.Array) -> tuple[pa.Array, Places, Places]:
    """The first ``length`` words of every row, the row of each, and its place there."""
    found, rows = words(column, step.lower)
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = places < step.length
    return found.filter(pa.array(kept)), rows[kept], places[kept]


def ids(shape: tuple[int, int], rows: Places, places: Places, word: Places) -> Matrix:
    """[rows, length]: the id of each word, numbered from 0 on and -1 for unknown ones, at its place."""
    x = np.full(shape, PADDING, np.float32)
    x[rows, places] = word + FIRST_WORD
    return x
