"""A block: some weights of every row of a table, and how they are kept."""

from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Matrix
from yarnml.data.prepare.hashing import mixed, salt
from yarnml.sparse.rules import RowRule
from yarnml.sparse.run import Keys


class Block(NamedTuple):
    """Some weights of every row.

    ``scale``: the first weights of a row are even between -scale and scale; 0 for none.
    ``seed``: of these.
    """

    name: str
    width: int
    rule: RowRule
    scale: float = 0.0
    seed: int = 0

    def first_rows(self, keys: Keys) -> Matrix:
        """The rows [keys, stored] of new keys, before their first update."""
        return self.rule.first(first_weights(self, keys))


def first_weights(block: Block, keys: Keys) -> Matrix:
    """The weights [keys, width] with which rows begin: a function of seed, block, key and place."""
    if not block.scale:
        return np.zeros((len(keys), block.width), np.float32)
    places = np.arange(block.width, dtype=np.uint64) + np.uint64(block.seed * 2**24)
    places = mixed(salt(block.name) + places)
    random = mixed(keys[:, None] ^ places) >> np.uint64(40)
    return (random.astype(np.float32) - np.float32(2**23)) * np.float32(block.scale / 2**23)
