"""What will be read: the job's data looked into once, by the master, before anything starts."""

import msgspec
import pyarrow as pa
from msgspec import Struct

from yarnml.data.base import Dataset, Fold, Split
from yarnml.data.dataset import inspect, types_to_read, with_widths
from yarnml.data.schema import Schema, bind
from yarnml.data.survey import filled
from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import Options
from yarnml.job.spec import Job


class Plan(Struct, frozen=True):
    """Datasets by name (train, validation, test), the stored columns of each, and what they mean."""

    datasets: dict[str, Dataset]
    stored: dict[str, pa.Schema]
    schema: Schema


def make_plan(job: Job) -> Plan:
    """Find and inspect the job's data.  Raises JobFileError or DataError with the field that does not fit."""
    data = job.data
    paths = {"train": data.train, "validation": data.validation, "test": data.test}
    looked = {n: inspect(p, data.format, f"data.{n}") for n, p in paths.items() if isinstance(p, str | list)}
    datasets = {name: dataset for name, (dataset, _) in looked.items()}
    stored = {name: types_to_read(data, *found) for name, found in looked.items()}
    bound = {name: bind(data, stored[name], datasets[name].files[0].url) for name in stored}
    schema = with_widths(bound["train"], datasets["train"], stored["train"])
    schema = _for_learner(schema, job.learner)
    for name, there in bound.items():
        for ours, theirs in zip(schema.features, there.features, strict=True):
            if theirs.width not in (0, ours.width):
                raise JobFileError(
                    f"data.{name}: column '{ours.name}' has {theirs.width} numbers, in data.train {ours.width}."
                )
    if isinstance(data.validation, float):
        whole, seed = datasets["train"], job.training.seed
        by = data.label if data.stratify else None
        parts = {n: Split(seed, data.validation, n == "validation", by) for n in ("train", "validation")}
        datasets |= {name: msgspec.structs.replace(whole, split=split) for name, split in parts.items()}
        stored["validation"] = stored["train"]
        if not datasets["validation"].rows or not datasets["train"].rows:
            raise JobFileError(f"data.validation {data.validation} of {whole.rows} rows leaves one part without rows.")
    return Plan(datasets, stored, schema)


def _for_learner(schema: Schema, learner: Options) -> Schema:
    """The schema with what the learner decides of it: whether values may be missing, and the numbers of clusters."""
    classes = tuple(range(learner.clusters)) if schema.label is None else schema.classes
    return filled(msgspec.structs.replace(schema, missing=learner.MISSING, classes=classes), {})


def with_learner(plan: Plan, learner: Options) -> Plan:
    """The plan of the same job with other options of its learner."""
    return msgspec.structs.replace(plan, schema=_for_learner(plan.schema, learner))


def fold_of(plan: Plan, job: Job, number: int) -> Plan:
    """One fold of a job's cross-validation: all training rows, of which most count, and those left are to judge."""
    search, rows = job.search, plan.datasets["train"]
    assert search
    assert search.folds
    by = job.data.label if job.data.stratify else None
    parts = {n: Fold(job.training.seed, search.folds, number, n == "validation", by) for n in ("train", "validation")}
    datasets = {name: msgspec.structs.replace(rows, fold=fold) for name, fold in parts.items()}
    return Plan(datasets, dict.fromkeys(parts, plan.stored["train"]), plan.schema)


def check_shards(plan: Plan, shards: int) -> None:
    rows = plan.datasets["train"].rows
    if rows < shards:
        raise DataError(
            f"data.train has {rows} rows, fewer than the {shards} shards of this job; "
            "set training.shards or workers.count to a smaller number."
        )
