"""The metrics of a stored model on rows with labels, of all and by group, from sums over shards."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from yarnml.control.commands import EvaluateModel, FindGroups
from yarnml.control.reports import GroupNames, ModelMetrics
from yarnml.data.arrays import one_array
from yarnml.data.rows import rows_of
from yarnml.data.schema import Rows, Schema
from yarnml.errors import DataError
from yarnml.job.metrics import MAX_GROUPS
from yarnml.reduce.tree import Vector, float64_of
from yarnml.worker.devices import check_devices
from yarnml.worker.metrics.base import Metrics
from yarnml.worker.metrics.evaluation import Evaluation
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.scoring import Scorer
from yarnml.worker.tasks import Tasks

NULL = "null"
"""The group of rows without a value."""


def find_groups(command: FindGroups, tasks: Tasks, tracker: ProgressTracker) -> GroupNames:
    """Find the values of the column in this worker's shards; DataError where there are too many."""
    scorer = Scorer(command.scoring)
    groups: set[str] = set()
    for shard in tasks.shards:
        for table in scorer.tables(shard, [command.by]):
            groups |= set(texts(table.column(command.by)).unique().to_pylist())
            tracker.finish_batch()
            if len(groups) > MAX_GROUPS:
                raise DataError(
                    f"evaluate.by {command.by}: there are more than {MAX_GROUPS} groups; choose another column."
                )
    return GroupNames(sorted(groups))


def evaluate_model(command: EvaluateModel, tasks: Tasks, tracker: ProgressTracker) -> ModelMetrics:
    """Work out the metrics of all rows, and of each group; the same bits on every worker."""
    check_devices(command.scoring.workers.gpus)
    scorer = Scorer(command.scoring)
    schema = replace(scorer.model.schema, class_weights=None)
    evaluation = Evaluation(schema, command.metrics)

    def task(shard: int) -> Vector:
        total = np.zeros((1 + len(command.groups), evaluation.size))
        for scored in scorer.scan(shard):
            rows = labels_of(scored.table, schema)
            total[0] += _sums(evaluation, scored.outputs, rows)
            for place, is_member in enumerate(_members(scored.table, command), 1):
                if is_member.any():
                    total[place] += _sums(
                        evaluation, scored.outputs[is_member], Rows.of((a[is_member] for a in rows.arrays), None)
                    )
            tracker.finish_batch()
        return total.reshape(-1)

    total = float64_of(tasks.reduce(0, tasks.map(0, task), task, command.scoring.workers))
    metrics = [_metrics(evaluation, sums) for sums in total.reshape(-1, evaluation.size)]
    weights = [float(sums[0]) for sums in total.reshape(-1, evaluation.size)]
    return ModelMetrics(weights[0], metrics[0], dict(zip(command.groups, metrics[1:], strict=True)))


def texts(column: pa.ChunkedArray) -> pa.Array:
    """[rows]: the values of a column as text, `NULL` for none."""
    return pc.fill_null(one_array(column).cast(pa.string()), NULL)


def labels_of(table: pa.Table, schema: Schema) -> Rows:
    """The labels and weights of some rows, without features."""
    return rows_of(table, replace(schema, features=(), offset=None, shape=None), "the data")


def _members(table: pa.Table, command: EvaluateModel) -> list[npt.NDArray[np.bool_]]:
    """For each group, [rows]: whether a row is in it."""
    if not command.by:
        return []
    values = texts(table.column(command.by))
    return [pc.equal(values, group).to_numpy(zero_copy_only=False) for group in command.groups]


def _sums(evaluation: Evaluation, outputs: npt.NDArray[np.float32], rows: Rows) -> Vector:
    return evaluation.sums(outputs, np.zeros(len(outputs), np.float32), rows)


def _metrics(evaluation: Evaluation, total: Vector) -> Metrics:
    """The metrics, without the loss: what the learner minimised is not part of an exported model."""
    return {name: value for name, value in evaluation.metrics(total).items() if name != "loss"}
