"""The command of a look at data."""

from yarnml.control.message import Message
from yarnml.data.base import Dataset


class DescribeColumns(Message, frozen=True):
    """Count what all columns of a dataset hold, each group of rows in the shard that has its first row.

    Attributes:
        stored: the columns to read, with the types to read them in, in Arrow's IPC format.
        guessed: those that hold text which may be numbers.
        shards: into how many the rows are cut.
    """

    dataset: Dataset
    stored: bytes
    guessed: list[str]
    shards: int
