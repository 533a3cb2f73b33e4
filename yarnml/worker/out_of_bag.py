"""The evaluation of each training row by what was learnt without it: sums over shards, as any other."""

from collections.abc import Iterator

import numpy as np

from yarnml.data.schema import Rows
from yarnml.job.metrics import of_all_rows
from yarnml.learners.base import Judged
from yarnml.reduce.tree import Vector
from yarnml.worker.full_pass import sum_dataset
from yarnml.worker.metrics.base import Metrics
from yarnml.worker.metrics.evaluation import Evaluation
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks
from yarnml.worker.training import Training


def evaluate_out_of_bag(training: Training, tasks: Tasks, tracker: ProgressTracker) -> Metrics:
    """The metrics out of bag, but for those that only all rows have together; the same on every worker."""
    replica = training.replica
    loader = training.loaders.loader("train", replica.schema)
    names = [name for name in training.job.metrics if not name.startswith("threshold_") and not of_all_rows(name)]
    evaluation = Evaluation(replica.schema, names)

    def scan(shard: int) -> Iterator[Judged]:
        yield replica.out_of_bag(shard, loader.scan(shard))

    def sums(judged: Judged) -> Vector:
        rows = Rows(np.zeros((len(judged.y), 0), np.float32), judged.y, judged.weight)
        return evaluation.sums(judged.outputs, np.asarray(judged.loss), rows)

    return evaluation.metrics(sum_dataset(scan, sums, tasks, training.job.workers, tracker.finish_batch))
