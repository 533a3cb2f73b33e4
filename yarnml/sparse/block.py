"""A block: some weights of every row of a table, and how they are kept."""

from typing import NamedTuple

from yarnml.sparse.rules import RowRule


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
