"""How often words come in a text, hashed into a fixed number of places: nothing has to be learnt.

A run of several words is hashed with one blank between them; runs of characters are those of each word with a blank
before and behind it.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import hashed, texts
from yarnml.data.prepare.hashing import buckets_of
from yarnml.job.prepare import Text

READ = texts.READ
BLANK, NOTHING = (pa.scalar(text, pa.large_string()) for text in (" ", ""))

needs, gives = texts.needs, texts.gives
find, learn, names = hashed.find, hashed.learn, hashed.names

Places = npt.NDArray[np.int64]


def apply(step: Text, column: pa.Array, where: str) -> Matrix:
    found, rows = texts.words(column, step.lower)
    lengths = range(step.ngrams[0], step.ngrams[1] + 1)
    x = np.zeros((len(column), step.width), np.float32)
    for at, place in (_runs if step.of == "words" else _characters)(found, rows, lengths, step.width):
        np.add.at(x.reshape(-1), at * step.width + place, np.float32(1))
    return x


def _runs(words: pa.Array, rows: Places, lengths: range, width: int) -> list[tuple[Places, Places]]:
    """The rows and places of all runs of words."""
    found = []
    for length in lengths:
        count = max(len(words) - length + 1, 0)
        inside = rows[:count] == rows[len(words) - count :]  # one row from the first word to the last
        parts = [words.slice(n, count).filter(pa.array(inside)) for n in range(length if count else 0)]
        run = pc.binary_join_element_wise(*parts, BLANK) if len(parts) > 1 else words.slice(0, count)
        found.append((rows[:count][inside], buckets_of(run, width)))
    return found


def _characters(words: pa.Array, rows: Places, lengths: range, width: int) -> list[tuple[Places, Places]]:
    """The same for runs of characters: those of each different word, as often as it comes."""
    coded = words.dictionary_encode()
    which = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    framed = pc.binary_join_element_wise(BLANK, coded.dictionary, BLANK, NOTHING)
    sizes = pc.utf8_length(framed).to_numpy(zero_copy_only=False)
    found = []
    for length in lengths:
        for start in range(int(sizes.max(initial=0)) - length + 1):
            reach = np.flatnonzero(sizes >= start + length)
            place = np.full(len(sizes), -1, np.int64)
            run = pc.utf8_slice_codeunits(framed.take(pa.array(reach)), start, start + length)
            place[reach] = buckets_of(run, width)
            mine = place[which]
            found.append((rows[mine >= 0], mine[mine >= 0]))
    return found
