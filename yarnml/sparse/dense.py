"""Parameters that belong to no key, kept where the rows of a table are, and updated by the same rules."""

from collections.abc import Sequence

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.block import Block


class DenseRows:
    """Arrays of rows, one behind the other.

    ``numbers``: float32, all that their rules keep of them; an update changes it in place.

    Args:
        blocks: by array, its form and how many rows it has.
    """

    def __init__(self, blocks: Sequence[tuple[Block, int]], numbers: Array) -> None:
        self._blocks = tuple(blocks)
        self.numbers = np.require(numbers, np.float32, ("C", "A", "W"))
        expected = sum(size * block.rule.stored(block.width) for block, size in blocks)
        if self.numbers.shape != (expected,):
            raise ValueError(f"{self.numbers.shape} numbers are no {expected} of parameters without keys")

    def update(self, gradient: Array, rate: float) -> None:
        """Update all rows by the sums of the gradient, which are one behind the other, too; ValueError for others."""
        expected = sum(size * block.width for block, size in self._blocks)
        if gradient.shape != (expected,):
            raise ValueError(f"{gradient.shape} sums are no {expected} of parameters without keys")
        start = 0
        for (block, size), rows in zip(self._blocks, self.arrays(), strict=True):
            end = start + size * block.width
            rows[...] = block.rule.update(rows, gradient[start:end].reshape(size, block.width), rate)
            start = end

    def arrays(self) -> list[Matrix]:
        """Each array [rows, stored], a view."""
        arrays = []
        start = 0
        for block, size in self._blocks:
            width = block.rule.stored(block.width)
            arrays.append(self.numbers[start : start + size * width].reshape(size, width))
            start += size * width
        return arrays
