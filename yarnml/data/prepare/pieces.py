"""The ids of a text's first pieces: characters, and pairs of pieces that come often in the training data."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

import msgspec
import numpy as np
import pyarrow as pa

from yarnml.data.arrays import Matrix
from yarnml.data.prepare import texts
from yarnml.data.prepare.byte_pairs import Encoder, Pair, frequent_characters, words_of
from yarnml.data.prepare.byte_pairs import learn as learn_pieces
from yarnml.data.prepare.findings import Finding, Words, levels, words_by_level
from yarnml.errors import DataError
from yarnml.job.prepare import FIRST_WORD, MAX_PIECES, PADDING, Pieces

WORDS_COUNTED = 1 << 17
"""Different words that are counted; of more, those of a sample of the rows."""

needs = texts.needs
gives = texts.gives


def find(step: Pieces, column: pa.Array, where: str) -> Finding | None:
    """Count the words of the rows, all of each: pieces are learnt from these counts."""
    if step.values is not None:
        return None
    words = [list(words_of(text)) for text in column.to_pylist()]
    level = np.repeat(levels(column), [len(own) for own in words])
    flat = pa.array([word for own in words for word in own], pa.large_string())
    return words_by_level(flat, level, WORDS_COUNTED)


def learn(step: Pieces, finding: Finding, where: str) -> Pieces:
    counts = finding.counts if isinstance(finding, Words) else {}
    size = MAX_PIECES if step.vocabulary == "characters" else step.vocabulary
    characters = frequent_characters(counts, size, step.min_count)
    if not characters:
        raise DataError(
            f"{where} has no character in the training data that comes {step.min_count} times; "
            "lower min_count of pieces, or leave the column out of data.features."
        )
    if step.vocabulary == "characters":
        return msgspec.structs.replace(step, values=characters, merges=[])
    values, merges = learn_pieces(counts, characters, size, step.min_count)
    return msgspec.structs.replace(step, values=values, merges=merges)


def names(step: Pieces, column: str) -> list[str]:
    return [f"{column}[{place}]" for place in range(step.length)]


def apply(step: Pieces, column: pa.Array, where: str) -> Matrix:
    encoder = encoder_of(step)
    x = np.full((len(column), step.length), PADDING, np.float32)
    for row, text in enumerate(column.to_pylist()):
        ids = list(islice(encoder.pieces(text), step.length))
        x[row, : len(ids)] = ids
        x[row, : len(ids)] += FIRST_WORD
    return x


def encoder_of(step: Pieces) -> Encoder:
    """The encoder with what a step has learnt."""
    return _encoder(tuple(step.values or ()), tuple(step.merges or ()))


@lru_cache(8)
def _encoder(pieces: Sequence[str], merges: Sequence[Pair]) -> Encoder:
    return Encoder(pieces, merges)
