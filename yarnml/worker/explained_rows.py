"""SHAP values of rows as files: a Parquet file for each shard, which is the same whoever writes it."""

import numpy as np
import pyarrow as pa

from yarnml import storage
from yarnml.control.commands import ExplainRows
from yarnml.control.reports import Explained
from yarnml.data.formats import parquet
from yarnml.errors import ExportError, translated
from yarnml.job import paths
from yarnml.model.explain.explainer import Explainer, Explanation
from yarnml.reduce.tree import Vector, float64_of
from yarnml.storage.tensors import pack
from yarnml.worker.devices import check_devices
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.scoring import Scorer
from yarnml.worker.tasks import Tasks

PREFIX = "shap_"
"""Of the columns of values, which are called like their features behind it."""


def explain_rows(command: ExplainRows, tasks: Tasks, tracker: ProgressTracker) -> Explained:
    """Write the files of this worker's shards, and of late ones of others; the mean sizes of all values.

    They are the arrays ``size`` [features, outputs] and ``base`` [outputs].
    """
    check_devices(command.scoring.workers.gpus)
    scorer = Scorer(command.scoring)
    baseline = np.array(command.baseline, np.float32) if command.baseline else None
    explainer = Explainer(scorer.model, baseline, command.orders)

    def task(shard: int) -> Vector:
        url = storage.join(command.folder, paths.part(shard))
        tables = []
        sizes = []
        for table, x in scorer.features(shard):
            explanation = explainer.explain(x)
            tables.append(_table(explanation, table.select(command.keep)))
            sizes.append(np.abs(explanation.values).sum(axis=0).reshape(-1))
            tracker.finish_batch()
        body = parquet.encode(pa.concat_tables(tables), compression="zstd")
        with translated(ExportError, f"{url} can't be written"):
            storage.write(url, body)
        return np.sum(sizes, axis=0)

    total = float64_of(tasks.reduce(0, tasks.map(0, task), task, command.scoring.workers))
    if not tasks.leads:
        return Explained(b"")
    one = explainer.explain(np.zeros((1, scorer.model.schema.row_width), np.float32))
    size = total.reshape(len(one.feature_names), -1) / command.scoring.dataset.rows
    return Explained(bytes(pack({"size": size, "base": one.base_values})), one.method)


def _table(explanation: Explanation, kept: pa.Table) -> pa.Table:
    values = explanation.table()
    columns = dict(zip(kept.column_names, kept.columns, strict=True))
    return pa.table(columns | {PREFIX + name: values.column(name) for name in values.column_names})
