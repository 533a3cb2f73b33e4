"""Commands that apply a stored model to rows: predict them, or evaluate the model by their labels."""

from typing import Literal

from msgspec import Struct

from yarnml.control.message import Message
from yarnml.data.base import Dataset
from yarnml.job.processes import Workers


class Scoring(Struct, frozen=True):
    """A model, and the rows that it is applied to.

    Attributes:
        model: the folder of a version.
        digest: of its model.json.
        stored: the columns to read, with the types to read them in, in Arrow's IPC format.
        shards: into how many the rows are cut.
        on_error: what becomes of a row that the model can't take: ``fail``, or ``null`` for no outputs.
        workers: how the workers are to help each other.
    """

    model: str
    digest: str
    dataset: Dataset
    stored: bytes
    shards: int
    on_error: Literal["fail", "null"]
    workers: Workers


class Predict(Message, frozen=True):
    """Write a model's predictions into a folder, a file for each shard that has none yet.

    Attributes:
        keep: columns that stay beside the predictions.
        probabilities: whether those of every class are written, too.
    """

    scoring: Scoring
    folder: str
    keep: list[str]
    probabilities: bool


class FindGroups(Message, frozen=True):
    """Find the values of a column, by which metrics are to be told apart."""

    scoring: Scoring
    by: str


class EvaluateModel(Message, frozen=True):
    """Work out metrics of all rows, and of each group of them.

    Attributes:
        metrics: beside those of every evaluation.
        by: the column that tells the groups apart; None for no groups.
        groups: its values, as text.
    """

    scoring: Scoring
    metrics: list[str]
    by: str | None
    groups: list[str]
