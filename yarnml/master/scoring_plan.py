"""The plan of a scoring: which version of a model, and which rows with which types, looked into once by the master."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import pyarrow as pa

from yarnml.control.commands import Scoring, ipc
from yarnml.data.arrays import is_list, is_number
from yarnml.data.base import Dataset
from yarnml.data.dataset import inspect, is_typed
from yarnml.data.layouts import shown
from yarnml.data.schema import Schema, names_of_columns
from yarnml.data.types import with_types
from yarnml.data.uses import types_for
from yarnml.errors import JobFileError
from yarnml.job.csv import Csv
from yarnml.job.processes import Workers
from yarnml.model import versions

ROWS_PER_SHARD = 2**18
"""Rows of a shard, where nobody says how many shards there are: a file of some MiB, and seconds of work."""


class Source(NamedTuple):
    """Rows as a command or a job file names them: ``field`` is where it does so."""

    field: str
    paths: str | Sequence[str]
    format: str = "auto"
    csv: Csv | None = None


class ScoringPlan(NamedTuple):
    """A version of a model, and the rows that it is applied to."""

    folder: str
    digest: str
    schema: Schema
    dataset: Dataset
    columns: pa.Schema

    def scoring(self, shards: int, on_error: Literal["fail", "null"], workers: Workers) -> Scoring:
        return Scoring(self.folder, self.digest, self.dataset, ipc(self.columns), shards, on_error, workers)


def plan_scoring(
    model: str, source: Source, extra: Iterable[tuple[str, str]], *, labelled: bool | None = False
) -> ScoringPlan:
    """Find the model and the rows, and see that these have the columns.

    ``labelled``: whether label and weight are read, too; None: where the rows have the label.
    ``extra``: columns beside the model's features, each with the field that names it.
    Raises ExportError for what is no model, JobFileError with the field that does not fit.
    """
    folder = versions.resolve(model)
    about = versions.description(folder)
    needed = [*names_of_columns(about.schema.features), *([about.schema.offset.name] if about.schema.offset else [])]
    extra = [*extra]
    beside = [*about.schema.labels, *filter(None, [about.schema.weight]), *(name for _, name in extra)]
    dataset, stored = inspect(source.paths, source.format, source.field, source.csv, [*needed, *beside])
    if labelled is None:
        labelled = bool(about.schema.labels) and {*about.schema.labels} <= {*stored.names}
    labels = [*about.schema.labels, *filter(None, [about.schema.weight])] if labelled else []
    added = [*((source.field, name) for name in labels), *extra]
    named = [*((name, source.field) for name in needed), *((name, field) for field, name in added)]
    for name, field in named:
        if name not in stored.names:
            raise JobFileError(f"{field}: the rows have no column '{name}'; they have {shown(stored.names)}.")
    features = pa.schema([stored.field(name) for name in needed])
    if not is_typed(dataset):
        features = types_for(about.schema, features)
    features = with_types(features, about.schema.types)
    for feature in about.schema.features:
        if not feature.steps and not _holds_numbers(kind := features.field(feature.name).type):
            raise JobFileError(
                f"{source.field}: column '{feature.name}' must hold numbers, as in training, but holds {kind}."
            )
    additions = {name: stored.field(name) for _, name in added if name not in features.names}
    return ScoringPlan(folder, about.digest, about.schema, dataset, pa.schema([*features, *additions.values()]))


def _holds_numbers(kind: pa.DataType) -> bool:
    """Tell whether a column of a type may hold numbers, or lists of them; nulls alone are told row by row."""
    values = kind.value_type if is_list(kind) else kind
    return is_number(values) or pa.types.is_null(values)


def shards_of(rows: int, given: int | None = None) -> int:
    """Choose the number of shards, which depends on nothing but the rows and what the user says."""
    return min(given or -(-rows // ROWS_PER_SHARD), rows)
