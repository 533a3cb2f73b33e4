"""Commands that apply a stored model to rows: predict them, or evaluate the model by their labels."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from yarnml.control.look import DescribeColumns as DescribeColumns
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
        leaves: whether the leaves of trees are.
        distances: whether those to the centres of clusters are.
    """

    scoring: Scoring
    folder: str
    keep: list[str]
    probabilities: bool
    leaves: bool = False
    distances: bool = False


class DrawSample(Message, frozen=True):
    """Take rows that are spread evenly over a dataset, at most ``rows``."""

    scoring: Scoring
    rows: int


class ExplainFeatures(Message, frozen=True):
    """Work out importances and dependences of a model's features on a sample of rows.

    Attributes:
        sample: the rows, as `DrawSample` gives them.
        metric: what importances are measured by; None for rows without labels.
        repeats: of each permutation.
    """

    scoring: Scoring
    sample: bytes
    metric: str | None
    repeats: int


class ExplainRows(Message, frozen=True):
    """Write the SHAP values of all rows into a folder, a file for each shard.

    Attributes:
        keep: columns that stay beside the values.
        baseline: what each feature is before it is known; empty for a model that needs none.
        orders: of the features, where values are drawn.
    """

    scoring: Scoring
    folder: str
    keep: list[str]
    baseline: list[float]
    orders: int


class QuantiseModel(Message, frozen=True):
    """Write a model with smaller weights into a folder that the master commits.

    Attributes:
        model: the folder of a version, ``digest`` of its model.json.
        kind: of the weights.
        about: for its model.json.
    """

    model: str
    digest: str
    kind: str
    folder: str
    about: dict[str, Any]


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


ScoringCommand = Predict | FindGroups | EvaluateModel | DrawSample | ExplainFeatures | ExplainRows | QuantiseModel
RowsCommand = ScoringCommand | DescribeColumns
"""A command that needs no state of the workers."""

WORK: Mapping[type[RowsCommand], str] = {
    Predict: "predict",
    FindGroups: "find the groups",
    EvaluateModel: "evaluate",
    DrawSample: "draw a sample",
    ExplainFeatures: "vary each feature",
    ExplainRows: "explain",
    QuantiseModel: "quantise",
    DescribeColumns: "look",
}
"""What a command does with each shard, as its progress is told."""
