"""A job that predicts: a job file with the section ``predict`` instead of data, learner and training."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from yarnml.job.fields import LARGEST_COUNT, Shards
from yarnml.job.rows_job import ModelRows, RowsJob


class Predict(ModelRows, frozen=True, kw_only=True):
    """A model, the rows that it predicts, and where the predictions go.

    ``output``: a new folder of Parquet files, one for each shard, in the order of the rows.
    ``keep``: columns of the rows that stay beside the predictions.
    ``probabilities``: of every class, where the model has them.
    ``leaves``: of a model of trees, the number of the leaf in which a row ends, tree by tree.
    ``distances``: of ``kmeans``, from a row to each centre, in the numbers that the learner sees.
    ``on_error``: what becomes of a row that can't be predicted, such as one with a null: the job fails, or the
    prediction is null.
    ``shards``: files of the output; part of the result.  Without, one for every 262,144 rows.
    """

    keep: list[Annotated[str, Meta(min_length=1)]] = field(default_factory=list)
    probabilities: bool = True
    leaves: bool = False
    distances: bool = False
    on_error: Literal["fail", "null"] | None = "fail"  # YAML reads null as nothing
    shards: Shards | None = None

    @property
    def error_mode(self) -> Literal["fail", "null"]:
        """``on_error`` as a word."""
        return self.on_error or "null"


class Prediction(RowsJob, frozen=True, kw_only=True):
    """One job that predicts; a `yarnml.job.base.BaseJob`."""

    SECTION: ClassVar[str] = "predict"
    NEW_COLUMNS: ClassVar[Sequence[str]] = ("prediction", "probabilities", "leaves", "distances")

    predict: Predict

    @property
    def shards(self) -> int:
        """The files of the output; without ``predict.shards`` the rows decide, and any number of workers may help."""
        return self.predict.shards or LARGEST_COUNT
