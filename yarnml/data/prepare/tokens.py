"""The ids of a text's first words, of a vocabulary that the training data teaches: its most frequent words."""

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import texts, tokenized
from yarnml.data.prepare.findings import Finding, Words, levels, words_by_level
from yarnml.errors import DataError
from yarnml.job.prepare import Tokens

READ = texts.READ
SAMPLE = 1 << 17  # different words that are counted at least, and
PER_WORD = 8  # for each word of the vocabulary: enough that the most frequent of them are so in all rows

needs, gives, names = texts.needs, texts.gives, tokenized.names


def find(step: Tokens, column: pa.Array, where: str) -> Finding | None:
    """Only of words that the learner will get."""
    if step.values is not None:
        return None
    found, rows, _ = tokenized.first_words(step, column)
    return words_by_level(found, levels(column)[rows], max(SAMPLE, PER_WORD * step.vocabulary))


def learn(step: Tokens, found: Finding, where: str) -> Tokens:
    frequent = found.frequent(step.vocabulary, step.min_count) if isinstance(found, Words) else []
    if not frequent:
        raise DataError(
            f"{where} has no word in the training data that comes {step.min_count} times; "
            "lower min_count of tokens, or leave the column out of data.features."
        )
    return msgspec.structs.replace(step, values=frequent)


def apply(step: Tokens, column: pa.Array, where: str) -> Matrix:
    found, rows, places = tokenized.first_words(step, column)
    number = pc.index_in(found, pa.array(step.values or [], found.type)).fill_null(-1)
    return tokenized.ids((len(column), step.length), rows, places, number.to_numpy(zero_copy_only=False))
