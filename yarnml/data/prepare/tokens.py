"""The ids of a text's first words in a vocabulary: the most frequent words of the training data."""

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import texts, tokenized
from yarnml.data.prepare.findings import Finding, Words, levels, words_by_level
from yarnml.errors import DataError
from yarnml.job.prepare import Tokens

MIN_WORDS_COUNTED = 1 << 17
WORDS_COUNTED_PER_ENTRY = 8
"""Different words that are counted, at least and for each entry of the vocabulary.

So many that the most frequent words of the sample are the most frequent ones of all rows.
"""

needs = texts.needs
gives = texts.gives
names = tokenized.names


def find(step: Tokens, column: pa.Array, where: str) -> Finding | None:
    """Count the words that the learner will get, the first of each row."""
    if step.values is not None:
        return None
    words, rows, _ = tokenized.first_words(step, column)
    limit = max(MIN_WORDS_COUNTED, WORDS_COUNTED_PER_ENTRY * step.vocabulary)
    return words_by_level(words, levels(column)[rows], limit)


def learn(step: Tokens, finding: Finding, where: str) -> Tokens:
    frequent = finding.frequent(step.vocabulary, step.min_count) if isinstance(finding, Words) else []
    if not frequent:
        raise DataError(
            f"{where} has no word in the training data that comes {step.min_count} times; "
            "lower min_count of tokens, or leave the column out of data.features."
        )
    return msgspec.structs.replace(step, values=frequent)


def apply(step: Tokens, column: pa.Array, where: str) -> Matrix:
    words, rows, places = tokenized.first_words(step, column)
    numbers = pc.index_in(words, pa.array(step.values or [], words.type)).fill_null(-1)
    return tokenized.ids((len(column), step.length), rows, places, numbers.to_numpy(zero_copy_only=False))
