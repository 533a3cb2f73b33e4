"""A job that predicts: a job file with the section ``predict`` instead of data, learner and training."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from yarnml.errors import JobFileError
from yarnml.events.redaction import hide, hide_passwords
from yarnml.job.acls import Acls
from yarnml.job.base import check_processes
from yarnml.job.csv import Csv, check_csv
from yarnml.job.explain import check_keys, explain
from yarnml.job.fields import LARGEST_COUNT, FormatName, Name, Section, Shards, Url, Urls
from yarnml.job.places import absolute_environment, absolute_path, absolute_paths
from yarnml.job.processes import EnvironmentSpec, Master, Reducers, Workers
from yarnml.storage import atomic

OUTPUTS = ("prediction", "probabilities")
"""The columns that a prediction adds to those that are kept."""


class Predict(Section, frozen=True, kw_only=True):
    """A model, the rows that it predicts, and where the predictions go.

    ``model``: a version, an alias of one, or the folder of its versions.
    ``data``, ``format``, ``csv``: as in a training.
    ``output``: a new folder of Parquet files, one for each shard, in the order of the rows.
    ``keep``: columns of the rows that stay beside the predictions.
    ``probabilities``: of every class, where the model has them.
    ``on_error``: what becomes of a row that can't be predicted, such as one with a null: the job fails, or the
    prediction is null.
    ``shards``: files of the output; part of the result.  Without, one for every 262,144 rows.
    """

    model: Url
    data: Urls
    output: Url
    format: FormatName = "auto"
    csv: Csv | None = None
    keep: list[Annotated[str, Meta(min_length=1)]] = field(default_factory=list)
    probabilities: bool = True
    on_error: Literal["fail", "null"] | None = "fail"  # YAML reads null as nothing
    shards: Shards | None = None

    @property
    def error_mode(self) -> Literal["fail", "null"]:
        """``on_error`` as a word."""
        return self.on_error or "null"


class Prediction(Section, frozen=True, kw_only=True):
    """One job that predicts, the same for every backend; a `yarnml.job.base.BaseJob`."""

    name: Name
    predict: Predict
    workers: Workers = Workers()
    master: Master = Master()
    queue: Annotated[str, Meta(min_length=1)] = "default"
    acls: Acls = Acls()
    environment: EnvironmentSpec = EnvironmentSpec()

    def __post_init__(self) -> None:
        """Hide the job's secrets in every process that reads it."""
        hide(self.environment.variables.values())
        hide_passwords(filter(None, [*self.urls.values(), self.environment.archive, self.environment.pex]))

    @property
    def reducers(self) -> Reducers:
        """The workers add up what little there is to add: how many rows are done."""
        return Reducers()

    @property
    def output(self) -> str:
        return self.predict.output.rstrip("/")

    @property
    def folder(self) -> str:
        """A hidden folder beside the output, with all that is done until the output is whole."""
        parent, _, name = self.output.rpartition("/")
        return atomic.hidden(parent, f"predict-{name}")

    @property
    def folder_field(self) -> str:
        return "predict.output"

    @property
    def shards(self) -> int:
        """The files of the output; without ``predict.shards`` the rows decide, and any number of workers may help."""
        return self.predict.shards or LARGEST_COUNT

    @property
    def urls(self) -> dict[str, str]:
        """Every place that the job reads or writes, by its field."""
        data = self.predict.data if isinstance(self.predict.data, list) else [self.predict.data]
        named = {"predict.data" if n == 0 else f"predict.data[{n}]": url for n, url in enumerate(data)}
        return {"predict.model": self.predict.model, **named, "predict.output": self.predict.output}

    @property
    def modules(self) -> list[str]:
        """The user's own modules: an exported model needs none."""
        return list(self.environment.files)


def prediction_document(predict: Mapping[str, Any], workers: int | None) -> dict[str, Any]:
    """The document of a job that a command line asks for; its name is that of the output."""
    last = str(predict["output"]).rstrip("/").rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last).lstrip("._-")[:100] or "predictions"
    document = {"name": name, "predict": dict(predict)}
    return document | ({"workers": {"count": workers}} if workers else {})


def make_prediction(document: Mapping[str, Any], folder: Path) -> Prediction:
    """Check a document with the section ``predict``, and make its relative paths absolute, from ``folder`` on.

    Raises JobFileError with the field, what it must be and what was found.
    """
    check_keys(document, Prediction, "")
    try:
        job = msgspec.convert(document, Prediction)
    except msgspec.ValidationError as exc:
        raise JobFileError(explain(str(exc), document, Prediction)) from exc
    check_processes(job)
    _check_columns(job.predict.keep)
    if job.predict.csv:
        check_csv(job.predict.csv, "predict.csv")
    return _resolve(job, folder)


def _check_columns(keep: Sequence[str]) -> None:
    """Refuse kept columns that come twice, or have the name of a new one."""
    for name in keep:
        if keep.count(name) > 1:
            raise JobFileError(f"predict.keep names the column '{name}' twice; name each column once.")
        if name in OUTPUTS:
            raise JobFileError(f"predict.keep can't keep a column '{name}': the output has one of that name.")


def _resolve(job: Prediction, folder: Path) -> Prediction:
    replace = msgspec.structs.replace
    predict = job.predict
    predict = replace(
        predict,
        model=absolute_path("predict.model", predict.model, folder),
        data=absolute_paths("predict.data", predict.data, folder),
        output=absolute_path("predict.output", predict.output, folder),
    )
    return replace(job, predict=predict, environment=absolute_environment(job.environment, folder, None))
