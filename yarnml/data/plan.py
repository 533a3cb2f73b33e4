"""The plan of a job's data: found and inspected once, by the master, before anything starts."""

from collections.abc import Callable, Collection

import msgspec
import pyarrow as pa
from msgspec import Struct, field

from yarnml.data.arrays import is_number, plain_type
from yarnml.data.base import Dataset, Fold, Split
from yarnml.data.binding import bind, uses_of
from yarnml.data.choices import choices_of
from yarnml.data.counting import with_selection
from yarnml.data.dataset import is_typed
from yarnml.data.elements import name_of
from yarnml.data.first_rows import facts_of, first_labels, label_remark, with_offsets, with_widths, without_offsets
from yarnml.data.inspection import inspect_datasets
from yarnml.data.label_summary import range_text
from yarnml.data.layouts import Layout, Use, common_columns, content, joined, shown, used_columns
from yarnml.data.offsets import median_of_rounded
from yarnml.data.partitions import constant_partitions, used_partition
from yarnml.data.resolution import left_out_columns, resolved
from yarnml.data.schema import Schema
from yarnml.data.survey import with_findings
from yarnml.data.types import with_types
from yarnml.data.uses import keyed_columns, types_like, types_to_read
from yarnml.data.vectors import with_maps
from yarnml.errors import DataError, JobFileError
from yarnml.events.text import first_few
from yarnml.job.data import HoldOut
from yarnml.job.labels import label_scale, label_type
from yarnml.job.patterns import is_open, named_features
from yarnml.job.spec import Data, Job
from yarnml.job.validate import check_data, check_learner

VALUES = {"text", "numbers", "booleans"}
"""Contents that may differ between datasets where values are compared one by one."""


class Plan(Struct, frozen=True):
    """The data of a job.

    ``datasets``: train, validation and test; ``stored``: the columns in their files.
    ``schema``: the meaning of the columns, the same for all.
    ``label``: a number label in a sentence; empty without one.
    ``remarks``: sentences about the data that a user should be told.
    ``data``: the job's data section with all columns by their names.
    """

    datasets: dict[str, Dataset]
    stored: dict[str, pa.Schema]
    schema: Schema
    label: str = ""
    remarks: list[str] = field(default_factory=list)
    data: Data | None = None


def make_plan(job: Job, earlier: Callable[[str], int | None] = lambda name: None) -> Plan:
    """Find and inspect the job's data.  Raises JobFileError or DataError with the field that does not fit.

    ``earlier``: tells of a dataset which version of a table the job has read before.
    """
    data = job.data
    inspected, elements = inspect_datasets(data, earlier)
    datasets = {name: dataset for name, (dataset, _) in inspected.items()}
    job, remarks = _with_columns(job, *inspected["train"], elements)
    data = _with_label_type(job, *inspected["train"])
    _check_types(data, inspected["train"][1])
    stored = {"train": _columns(data, *inspected["train"], None)}
    stored |= {name: _columns(data, *files, stored["train"]) for name, files in inspected.items() if name != "train"}
    for name, columns in stored.items():
        _check_contents(name, columns, stored["train"])
    if isinstance(data.validation, HoldOut):
        inspected["validation"] = inspected["train"]
        datasets["validation"] = datasets["train"]
        stored["validation"] = stored["train"]
    choices = choices_of(data, job.training.seed)
    for name, (_, layouts) in inspected.items():
        chosen = with_selection(datasets[name], choices[name], data.types, layouts, stored[name], f"data.{name}")
        datasets[name] = _with_used_partitions(chosen, stored[name])
    schemas = {name: bind(data, stored[name], inspected[name][1][0].url) for name in stored}
    train = msgspec.structs.replace(schemas["train"], guessed=not is_typed(datasets["train"]))
    schema = with_widths(train, datasets["train"], stored["train"])
    labels = first_labels(schema, datasets["train"], stored["train"])
    schema = msgspec.structs.replace(schema, rows=datasets["train"].rows, **facts_of(labels, job.learner))
    if job.scales:
        schema = with_offsets(schema, datasets["train"], stored["train"])
    elif job.learner.COMPARES:
        schema = with_offsets(schema, datasets["train"], stored["train"], median_of_rounded, job.learner.codes)
    schema = _for_learner(schema, job)
    for name, other in schemas.items():
        _check_widths(name, other, schema)
    if isinstance(data.validation, float):
        datasets |= _split(datasets["train"], job, data.validation)
        stored["validation"] = stored["train"]
    remarks += [remark for name, y in labels.items() for remark in label_remark(name, y)]
    return Plan(datasets, stored, schema, range_text(labels), remarks, job.data)


def _with_columns(job: Job, train: Dataset, layouts: list[Layout], elements: Collection[str]) -> tuple[Job, list[str]]:
    """The job with all columns by their names, checked anew, and what is to be said of columns that patterns pass.

    ``elements``: columns that only their names choose.
    """
    if not is_open(job.data):
        return job, []
    constant = constant_partitions(file.partition for file in train.files)
    stored = with_types(common_columns(layouts), job.data.types)
    job = msgspec.structs.replace(job, data=resolved(job.data, stored, {*constant, *elements}, layouts[0].url))
    check_learner(job)
    check_data(job)
    partial = left_out_columns(layouts)
    said = f"{first_few(partial, 5)} {'is' if len(partial) == 1 else 'are'} not in all files, and no features"
    return job, [said] if partial else []


def _check_types(data: Data, layouts: list[Layout]) -> None:
    """Refuse a type for a column that there is not."""
    names = dict.fromkeys(name for layout in layouts for name in layout.columns.names)
    for name in data.types:
        if name not in names:
            raise JobFileError(f"data.types: {layouts[0].url} has no column '{name}'; it has {shown(list(names))}.")


def _with_used_partitions(dataset: Dataset, stored: pa.Schema) -> Dataset:
    """The dataset without the columns of folders that nothing uses."""
    compared = dataset.selection.columns_to_read(stored).names if dataset.selection else stored.names
    replace = msgspec.structs.replace
    files = tuple(replace(file, partition=used_partition(file.partition, compared)) for file in dataset.files)
    return replace(dataset, files=files, paths=tuple(path for path in dataset.paths if name_of(path) in compared))


def _with_label_type(job: Job, train: Dataset, layouts: list[Layout]) -> Data:
    """The data section with the type of label that the learner predicts, if the column holds such."""
    data = job.data
    predicted = label_type(job)
    if predicted == data.label_type or not data.labels:
        return data
    kinds = used_columns(layouts, [Use("label", name) for name in data.labels], is_typed(train), data.types).types
    has_numbers = all(is_number(plain_type(kind)) for kind in kinds)
    return msgspec.structs.replace(data, label_type=predicted) if has_numbers else data


def _columns(data: Data, dataset: Dataset, layouts: list[Layout], train: pa.Schema | None) -> pa.Schema:
    """The columns to read, each with its type; where types are guessed that of its use.

    ``train``: those of the training data, which other datasets follow.
    """
    columns = used_columns(layouts, uses_of(data), is_typed(dataset), data.types)
    if not is_typed(dataset):
        columns = types_to_read(data, columns) if train is None else types_like(train, columns, _plain(data))
    return with_maps(with_types(columns, data.types), keyed_columns(data.prepare))


def _plain(data: Data) -> set[str | None]:
    """The columns of numbers to compute with, that no step tells apart."""
    return {*named_features(data), data.weight, data.offset, data.exposure} - {
        name for step in data.prepare for name in step.columns
    }


def _check_contents(name: str, columns: pa.Schema, train: pa.Schema) -> None:
    """Refuse a dataset in which a column is of another kind than in the training data."""
    for column, expected in zip(columns, train, strict=True):
        if (
            joined([column.type, expected.type]) is None
            and not {content(column.type), content(expected.type)} <= VALUES
        ):
            raise DataError(
                f"data.{name}: column '{column.name}' holds {column.type}, but in data.train {expected.type}; "
                "store it as there."
            )


def _check_widths(name: str, schema: Schema, train: Schema) -> None:
    """Refuse a dataset with a column of another width than in the training data, as far as widths are known."""
    for expected, feature in zip(train.features, schema.features, strict=True):
        if feature.width not in (0, expected.width):
            raise JobFileError(
                f"data.{name}: column '{expected.name}' has {feature.width} numbers, in data.train {expected.width}."
            )


def _split(rows: Dataset, job: Job, fraction: float) -> dict[str, Dataset]:
    """The training rows in two parts: those that are left to train, and the ``fraction`` to validate on."""
    by = job.data.stratum
    parts = {
        name: msgspec.structs.replace(rows, split=Split(job.training.seed, fraction, name == "validation", by))
        for name in ("train", "validation")
    }
    if not parts["validation"].rows or not parts["train"].rows:
        raise JobFileError(f"data.validation {fraction} of {rows.rows} rows leaves one part without rows.")
    return parts


def _for_learner(schema: Schema, job: Job) -> Schema:
    """The schema with what the learner decides: scale of the label, values that may be missing, clusters as classes."""
    learner = job.learner
    kind = "text" if learner.predicts_text else schema.label_type
    scale = label_scale(job, schema.label_type == "number")
    classes = tuple(range(learner.clusters)) if schema.label is None else schema.classes
    facts = {"missing": learner.MISSING, "finite": learner.FINITE, "fields": learner.FIELDS, "classes": classes}
    label = {"label_type": kind, "label_scale": scale, "quantiles": tuple(learner.quantiles)}
    return with_findings(msgspec.structs.replace(schema, **label, **facts), {})


def with_learner(plan: Plan, job: Job) -> Plan:
    """The plan of the same job with other options of its learner."""
    counted = job.scales or job.learner.COMPARES
    schema = plan.schema if counted else without_offsets(plan.schema)
    return msgspec.structs.replace(plan, schema=_for_learner(schema, job))


def fold_of(plan: Plan, job: Job, number: int) -> Plan:
    """One fold of a job's cross-validation: all training rows, most of which count, and the rest to validate on."""
    search = job.search
    rows = plan.datasets["train"]
    assert search
    assert search.folds
    by = job.data.stratum
    group = job.data.group if search.whole_groups else None
    seed = job.training.seed
    parts = {n: Fold(seed, search.folds, number, n == "validation", by, group) for n in ("train", "validation")}
    datasets = {name: msgspec.structs.replace(rows, fold=fold) for name, fold in parts.items()}
    return Plan(datasets, dict.fromkeys(parts, plan.stored["train"]), plan.schema)


def check_shards(plan: Plan, shards: int) -> None:
    """Refuse data of fewer rows than shards; raises DataError."""
    rows = plan.datasets["train"].rows
    if rows < shards:
        raise DataError(
            f"data.train has {rows} rows, fewer than the {shards} shards of this job; "
            "set training.shards or workers.count to a smaller number."
        )
