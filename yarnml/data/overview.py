"""The plan of a job for people: what it reads, which columns it learns from, and how the rows are cut."""

from typing import NamedTuple

import pyarrow as pa

from yarnml.data.base import Dataset
from yarnml.data.plan import Plan
from yarnml.data.schema import Feature, Schema
from yarnml.data.shards import shard_sizes, steps_per_epoch
from yarnml.events.text import columns, count_of, first_few
from yarnml.job.spec import Job


class DatasetFacts(NamedTuple):
    """One dataset: its files, and how many of their ``stored`` rows the job takes.  ``first``: the first file."""

    name: str
    format: str
    files: int
    groups: int
    bytes: int
    rows: int
    stored: int
    first: str


class ColumnPlan(NamedTuple):
    """One column that a job learns from.

    ``holds``: its type in the files.
    ``steps``: the kinds of its steps of ``data.prepare``, in their order.
    ``numbers``: that it becomes; None while a pass over the training rows has still to tell.
    """

    name: str
    holds: str
    steps: tuple[str, ...]
    numbers: int | None


class Overview(NamedTuple):
    """A job before it starts.

    ``roles``: a sentence part for the label and each other column that is no feature.
    ``length``: how long it trains, in words.  ``state``: where it stands, in words.
    """

    name: str
    learner: str
    datasets: list[DatasetFacts]
    features: list[ColumnPlan]
    roles: list[str]
    shards: list[int]
    steps: int
    length: str
    state: str
    remarks: list[str]

    def __str__(self) -> str:
        """The overview as lines."""
        widths = {min(self.shards), max(self.shards)}
        tables = [
            ["dataset", "format", "files", "groups", "bytes", "rows", "first file"],
            *(
                [d.name, d.format, f"{d.files:,}", f"{d.groups:,}", f"{d.bytes:,}", _rows(d), d.first]
                for d in self.datasets
            ),
        ]
        features = [
            ["feature", "holds", "steps", "numbers"],
            *([f.name, f.holds, ", ".join(f.steps), _numbers(f)] for f in self.features),
        ]
        lines = [
            f"{self.name}: {self.learner}, {count_of(len(self.features), 'feature')}",
            columns(tables),
            columns(features),
            *self.roles,
            f"{count_of(len(self.shards), 'shard')} of {' to '.join(f'{n:,}' for n in sorted(widths))} rows",
            self.length,
            *self.remarks,
            self.state,
        ]
        return "\n".join(lines)


def overview_of(
    job: Job, plan: Plan, shards: int, step: int | None, trainings: int, *, is_done: bool = False
) -> Overview:
    """The overview of a job whose data are known.

    ``step``: of the checkpoint that it goes on from; ``trainings``: of its search, 0 without one.
    """
    schema = plan.schema
    sizes = shard_sizes(plan.datasets["train"].rows, shards)
    passes = job.learner.passes
    steps = passes.per_epoch if passes else steps_per_epoch(sizes, job.training.rows_per_step)
    length = f"{count_of(job.training.last_epoch, 'epoch')} of {count_of(steps, 'step')}"
    if trainings:
        length = f"{count_of(trainings, 'training')} of a search, and then {length} where it says nothing else"
    state = "begins anew" if step is None else f"goes on from step {step}"
    return Overview(
        job.name,
        job.learner.kind,
        [_dataset_facts(name, dataset) for name, dataset in plan.datasets.items()],
        [_column_plan(feature, plan.stored["train"]) for feature in schema.features],
        _roles(schema, plan.label),
        sizes,
        steps,
        length,
        "is done" if is_done else state,
        plan.remarks,
    )


def _dataset_facts(name: str, dataset: Dataset) -> DatasetFacts:
    files = dataset.files
    groups = sum(len(file.groups) for file in files)
    size = sum(file.size for file in files)
    stored = sum(dataset.stored_rows)
    format = dataset.format if dataset.snapshot is None else f"{dataset.table}, version {dataset.snapshot}"
    return DatasetFacts(name, format, len(files), groups, size, dataset.rows, stored, files[0].url)


def _column_plan(feature: Feature, stored: pa.Schema) -> ColumnPlan:
    steps = tuple(step.kind for step in feature.steps)
    holds = ", ".join(dict.fromkeys(str(stored.field(name).type) for name in feature.columns))
    return ColumnPlan(feature.name, holds, steps, feature.width or None)


def _roles(schema: Schema, label: str) -> list[str]:
    """Lines for the columns that are no features.  ``label``: the one about numbers to predict, if there is any."""
    kinds = {"class": "a class", "multilabel": f"{len(schema.labels)} of two classes each"}
    lines = []
    if label and schema.task not in kinds:
        lines.append(label)
    elif schema.labels:
        lines.append(f"label: {first_few(schema.labels, 5)}, {kinds.get(schema.task, 'a number')}")
    offset = schema.offset
    named = {
        "weight": schema.weight,
        "group": schema.group,
        "exposure" if offset and offset.is_exposure else "offset": offset.name if offset else None,
    }
    return [*lines, *(f"{role}: {text}" for role, text in named.items() if text)]


def _rows(facts: DatasetFacts) -> str:
    return f"{facts.rows:,}" if facts.rows == facts.stored else f"{facts.rows:,} of {facts.stored:,}"


def _numbers(column: ColumnPlan) -> str:
    if column.steps[-1:] == ("key",):
        return "keys"
    return "learnt by a pass" if column.numbers is None else str(column.numbers)
