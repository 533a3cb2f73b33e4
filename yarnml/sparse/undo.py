"""The newest update of a table, as far as it takes to make it undone."""

from typing import NamedTuple

from yarnml.data.arrays import Array, Matrix
from yarnml.sparse.index import Numbers
from yarnml.sparse.rare_keys import Count


class Undo(NamedTuple):
    """The rows that an update has changed.

    ``size``: rows before it.  ``numbers``: of the rows that it touched; ``rows``: these as they were, by block.
    ``touched``: when these were touched before.  ``made``: how many rows had been made before.
    ``rare``: what became of the keys without a row, where these are counted.
    """

    size: int
    numbers: Numbers
    rows: list[Matrix]
    touched: Array
    made: int
    rare: Count | None
