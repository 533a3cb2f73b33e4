"""The evaluation of a state on all rows of a dataset: metrics of rows, and of all of them at once."""

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from yarnml.control.commands import Calibrate, CountRows, Evaluate
from yarnml.control.reports import Calibrated, Evaluated, Report
from yarnml.data.calibration import Calibration
from yarnml.data.placed import PlacedRows
from yarnml.job.learners import OUT_OF_BAG
from yarnml.job.metrics import of_all_rows
from yarnml.reduce.tree import Vector
from yarnml.worker.calibration import calibrate
from yarnml.worker.column_counts import count_rows
from yarnml.worker.full_pass import sum_dataset
from yarnml.worker.metrics.among import Among
from yarnml.worker.metrics.base import Metrics
from yarnml.worker.metrics.clusters import information
from yarnml.worker.metrics.evaluation import Evaluation
from yarnml.worker.out_of_bag import evaluate_out_of_bag
from yarnml.worker.placed_rows import placed_rows
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks
from yarnml.worker.training import Training

Judging = Evaluate | Calibrate | CountRows


def answer(command: Judging, training: Training, tasks: Tasks, tracker: ProgressTracker) -> Report:
    """Carry out a command that looks at the rows with the state of a training, and changes nothing."""
    match command:
        case Evaluate(dataset) if dataset == OUT_OF_BAG:
            return Evaluated(evaluate_out_of_bag(training, tasks, tracker))
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
    among = Among(training.job, names, sum(loader.sizes))
    of_rows = [name for name in names if not of_all_rows(name)]
    evaluation = Evaluation(schema, of_rows, training.job.learner.judged_as(schema.task))

    def batch_sums(batch: PlacedRows) -> Vector:
        outputs, losses = replica.evaluate(batch.rows)
        outputs = calibration.apply(outputs) if calibration else outputs
        return np.concatenate([evaluation.sums(outputs, losses, batch.rows), among.sums(batch, outputs)])

    def scan(shard: int) -> Iterator[PlacedRows]:
        if among.size:
            yield from placed_rows(loader, shard, schema)
        else:
            yield from (PlacedRows(rows, 0, np.empty(0)) for rows in loader.scan(shard))

    total = sum_dataset(scan, batch_sums, tasks, training.job.workers, tracker.finish_batch)
    metrics = evaluation.metrics(total[: evaluation.size]) | among.metrics(total[evaluation.size :])
    parameters = training.job.learner.free_parameters(schema.width)
    return metrics | (information(names, metrics["loss"], float(total[0]), parameters) if parameters else {})
