"""The evaluation of a state on all rows of a dataset: metrics of rows, and of groups of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from yarnml.control.commands import Calibrate, CountRows, Evaluate
from yarnml.control.reports import Calibrated, Evaluated, Report
from yarnml.data.arrays import one_array
from yarnml.data.calibration import Calibration
from yarnml.data.loader import Loader
from yarnml.data.schema import Rows, Schema
from yarnml.data.shards import bounds
from yarnml.job.metrics import of_groups
from yarnml.reduce.tree import Vector
from yarnml.worker.calibration import calibrate
from yarnml.worker.column_counts import count_rows
from yarnml.worker.full_pass import sum_dataset
from yarnml.worker.metrics.base import Metrics
from yarnml.worker.metrics.evaluation import Evaluation
from yarnml.worker.metrics.groups import Groups, group_numbers
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks
from yarnml.worker.training import Training

Judging = Evaluate | Calibrate | CountRows


class GroupedBatch(NamedTuple):
    """A batch of rows, padded; its first row is row ``place`` of the dataset.

    ``groups``: [rows without padding], the number of each row's group; empty where nobody asks.
    """

    rows: Rows
    place: int
    groups: Vector


def answer(command: Judging, training: Training, tasks: Tasks, tracker: ProgressTracker) -> Report:
    """Carry out a command that looks at the rows with the state of a training, and changes nothing."""
    match command:
        case Evaluate(dataset, calibration):
            return Evaluated(evaluate(dataset, calibration, training, tasks, tracker))
        case Calibrate(kind):
            return Calibrated(calibrate(kind, training, tasks, tracker))
        case CountRows(edges):
            return count_rows(edges, training, tasks, tracker)


def evaluate(
    dataset: str, calibration: Calibration | None, training: Training, tasks: Tasks, tracker: ProgressTracker
) -> Metrics:
    """The metrics that a job has of a dataset, at the state of a training; the same on every worker."""
    replica = training.replica
    schema = replace(replica.schema, class_weights=None)  # a metric counts training rows as they are, too
    loader = training.loaders.loader(dataset, schema)
    is_choosing = dataset == "validation"  # of a threshold, which other rows are not to decide
    names = [name for name in training.job.metrics if is_choosing or not name.startswith("threshold_")]
    ranked = [name for name in names if of_groups(name)]
    evaluation = Evaluation(schema, [name for name in names if name not in ranked])
    groups = Groups(ranked, sum(loader.sizes)) if ranked else None

    def batch_sums(batch: GroupedBatch) -> Vector:
        outputs, losses = replica.evaluate(batch.rows)
        outputs = calibration.apply(outputs) if calibration else outputs
        sums = evaluation.sums(outputs, losses, batch.rows)
        if groups is None:
            return sums
        size = len(batch.groups)
        score = outputs[:size] if outputs.ndim == 1 else outputs[:size, 1] - outputs[:size, 0]
        numbers = np.where(batch.rows.weight[:size] > 0, batch.groups, 0.0)
        relevance = batch.rows.y[:size].astype(np.float64)
        return np.concatenate([sums, groups.sums(batch.place, numbers, score.astype(np.float64), relevance)])

    def scan(shard: int) -> Iterator[GroupedBatch]:
        if groups is None:
            yield from (GroupedBatch(rows, 0, np.empty(0)) for rows in loader.scan(shard))
        else:
            yield from _grouped(loader, shard, schema)

    total = sum_dataset(scan, batch_sums, tasks, training.job.workers, tracker.finish_batch)
    if groups is None:
        return evaluation.metrics(total)
    return evaluation.metrics(total[: -groups.size]) | groups.metrics(total[-groups.size :])


def _grouped(loader: Loader, shard: int, schema: Schema) -> Iterator[GroupedBatch]:
    """The batches of a shard with the numbers of their rows' groups; both come piece by piece, in one order."""
    name = schema.group or ""
    weight = schema.weight if loader.has_folds else None
    batches = loader.scan(shard)
    place = bounds(sum(loader.sizes), len(loader.sizes), shard)[0]
    for table, _, url in loader.tables(shard, {name: None, weight: None}):
        if weight:  # a scan of a fold leaves out rows of weight 0
            table = table.filter(pc.greater(one_array(table.column(weight)).cast(pa.float64()), 0))
        numbers = group_numbers(table.column(name), f"{url}: column '{name}'")
        start = 0
        while start < len(numbers):
            rows = next(batches)
            part = numbers[start : start + len(rows.x)]
            yield GroupedBatch(rows, place, part)
            start += len(part)
            place += len(part)
