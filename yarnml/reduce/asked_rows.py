"""Weights of some keys, of which each part's owner is asked for its own."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from yarnml.data.arrays import Matrix
from yarnml.reduce.frozen import numbers_of
from yarnml.reduce.keyed import first_key
from yarnml.reduce.owner_wire import Answer, Request
from yarnml.reduce.owners import Owners, Question
from yarnml.sparse.block import Block
from yarnml.sparse.run import Keys, count_below, narrow


def by_block(blocks: Sequence[Block], rows: Matrix) -> dict[str, Matrix]:
    """The weights of each block, which are side by side in ``rows``."""
    ends = np.cumsum([block.width for block in blocks])
    return {block.name: w for block, w in zip(blocks, np.split(rows, ends[:-1], axis=1), strict=True)}


def ask_rows(owners: Owners, keys: Keys, rows: Matrix, request: Callable[[int, int], Request]) -> dict[int, Answer]:
    """Lay the weights of ascending keys into ``rows``: each owner is asked for those that it has.

    ``request``: makes one of the part's number and of how many keys are behind it.
    Returns the answers by part, without those that have none of the keys.
    """
    parts = owners.parts
    bounds = [count_below(keys, first_key(number, len(parts))) for number in range(len(parts) + 1)]
    asked = [(number, *ends) for number, ends in enumerate(pairwise(bounds)) if ends[0] < ends[1]]

    def question(number: int, low: int, high: int) -> Question:
        return Question(request(number, high - low), narrow(keys[low:high]))

    replies = owners.ask([(parts[number].owner, question(number, *ends)) for number, *ends in asked])
    for (_, low, high), reply in zip(asked, replies, strict=True):
        rows[low:high] = numbers_of(reply, np.dtype(np.float32)).reshape(high - low, rows.shape[1])
    return {number: reply.answer for (number, *_), reply in zip(asked, replies, strict=True)}
