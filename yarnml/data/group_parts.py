"""Rows of a group that is too large to be read at once: its pages are decoded one after the other, and let go."""

from yarnml.data.base import Dataset, Group
from yarnml.data.formats.registry import reader_of
from yarnml.data.shards import Piece

LARGE_BYTES = 64 * 2**20
"""Stored bytes of a group up to which one read of all of it is quicker, and its memory matters to nobody."""


def reads_parts(dataset: Dataset, group: Group) -> bool:
    """Tell whether rows of a group can be read without the others: a random choice, or a condition, takes all."""
    is_whole = not (dataset.split or dataset.fold or dataset.selection or group.deleted)
    return is_whole and group.size > LARGE_BYTES and hasattr(reader_of(dataset.format, dataset.csv), "read_rows")


def is_part(dataset: Dataset, piece: Piece) -> bool:
    """Tell whether a piece is to be read without the other rows of its group."""
    group = dataset.files[piece.file].groups[piece.group]
    return piece.rows < group.rows and reads_parts(dataset, group)
