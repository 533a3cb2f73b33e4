"""Common parts of the steps that make ids of a text's first words: the choice of words, and the places of ids."""

import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix, Places
from yarnml.data.prepare.texts import words
from yarnml.job.prepare import FIRST_WORD, PADDING, HashedTokens, Tokens


def names(step: Tokens | HashedTokens, column: str) -> list[str]:
    return [f"{column}[{place}]" for place in range(step.length)]


def first_words(step: Tokens | HashedTokens, column: pa.Array) -> tuple[pa.Array, Places, Places]:
    """The first ``length`` words of every row, the row of each, and its place in the row."""
    all_words, rows = words(column, step.lower)
    places = np.arange(len(rows)) - np.searchsorted(rows, rows)
    is_first = places < step.length
    return all_words.filter(pa.array(is_first)), rows[is_first], places[is_first]


def ids(shape: tuple[int, int], rows: Places, places: Places, numbers: Places) -> Matrix:
    """[rows, length]: the id of each word at its place.

    ``numbers``: of the words, from 0 on; -1 for unknown ones.
    """
    x = np.full(shape, PADDING, np.float32)
    x[rows, places] = numbers + FIRST_WORD
    return x
