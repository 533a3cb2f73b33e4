"""The ids of a text's first words, by their hash: nothing has to be learnt."""

import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import hashed, texts, tokenized
from yarnml.data.prepare.hashing import buckets_of
from yarnml.job.prepare import HashedTokens

needs = texts.needs
gives = texts.gives
names = tokenized.names
find = hashed.find
learn = hashed.learn


def apply(step: HashedTokens, column: pa.Array, where: str) -> Matrix:
    words, rows, places = tokenized.first_words(step, column)
    return tokenized.ids((len(column), step.length), rows, places, buckets_of(words, step.vocabulary))
