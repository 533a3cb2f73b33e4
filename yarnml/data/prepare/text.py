"""Counts of a text's words, hashed into a fixed number of places: nothing has to be learnt.

A run of several words is hashed with one blank between them; runs of characters are those of each word with a blank
before and behind it.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix, Places
from yarnml.data.prepare import hashed, texts
from yarnml.data.prepare.hashing import buckets_of
from yarnml.job.prepare import Text

BLANK, NOTHING = (pa.scalar(text, pa.large_string()) for text in (" ", ""))

needs = texts.needs
gives = texts.gives
find = hashed.find
learn = hashed.learn
names = hashed.names


def apply(step: Text, column: pa.Array, where: str) -> Matrix:
    words, rows = texts.words(column, step.lower)
    lengths = range(step.ngrams[0], step.ngrams[1] + 1)
    x = np.zeros((len(column), step.width), np.float32)
    count = _word_runs if step.of == "words" else _character_runs
    for row, place in count(words, rows, lengths, step.width):
        np.add.at(x.reshape(-1), row * step.width + place, np.float32(1))
    return x


def _word_runs(words: pa.Array, rows: Places, lengths: range, width: int) -> list[tuple[Places, Places]]:
    """The (rows, places) of all runs of words, for each length."""
    runs = []
    for length in lengths:
        count = max(len(words) - length + 1, 0)
        inside = rows[:count] == rows[len(words) - count :]  # one row from the first word to the last
        parts = [words.slice(n, count).filter(pa.array(inside)) for n in range(length if count else 0)]
        run = pc.binary_join_element_wise(*parts, BLANK) if len(parts) > 1 else words.slice(0, count)
        runs.append((rows[:count][inside], buckets_of(run, width)))
    return runs


def _character_runs(words: pa.Array, rows: Places, lengths: range, width: int) -> list[tuple[Places, Places]]:
    """The (rows, places) of all runs of characters, for each length and place in a word.

    The runs of each different word are hashed once, and counted as often as the word comes.
    """
    coded = words.dictionary_encode()
    word_numbers = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    framed = pc.binary_join_element_wise(BLANK, coded.dictionary, BLANK, NOTHING)
    sizes = pc.utf8_length(framed).to_numpy(zero_copy_only=False)
    runs = []
    for length in lengths:
        for start in range(int(sizes.max(initial=0)) - length + 1):
            long_enough = np.flatnonzero(sizes >= start + length)
            place_of_word = np.full(len(sizes), -1, np.int64)
            run = pc.utf8_slice_codeunits(framed.take(pa.array(long_enough)), start, start + length)
            place_of_word[long_enough] = buckets_of(run, width)
            places = place_of_word[word_numbers]
            runs.append((rows[places >= 0], places[places >= 0]))
    return runs
