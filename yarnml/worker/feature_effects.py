"""Effects of a model's features on a sample of rows: permutation importances, partial dependences, and single curves.

Every feature is worked out by the task of one shard, so workers share them, and the sums over shards are exact.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from yarnml.control.commands import DrawSample, ExplainFeatures, from_ipc
from yarnml.control.reports import Explained
from yarnml.data.output_columns import names_of_outputs
from yarnml.data.rows import features_of
from yarnml.data.schema import Rows, Schema
from yarnml.data.shards import bounds
from yarnml.model.explain.columns import groups_of
from yarnml.model.model import Model
from yarnml.reduce.tree import Vector, float64_of
from yarnml.storage.tensors import pack, unpack
from yarnml.worker.metrics.evaluation import Evaluation
from yarnml.worker.model_evaluation import labels_of
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.scoring import Scorer
from yarnml.worker.tasks import Tasks

GRID = 20
"""Values of a feature at which its dependence is worked out."""
CURVES = 50
"""Rows whose single curves are kept."""
MAX_NUMBERS = 2**21
"""Numbers of all curves together; there are fewer curves where they would be more."""

Array = npt.NDArray[Any]


def draw_sample(command: DrawSample, tasks: Tasks, tracker: ProgressTracker) -> Explained:
    """Take every n-th row: the arrays ``x``, ``y`` and ``weight``; labels are 0 where the rows have none."""
    scorer = Scorer(command.scoring)
    schema = scorer.model.schema
    rows = command.scoring.dataset.rows
    names = from_ipc(command.scoring.stored).names
    stride = -(-rows // command.rows)
    count = -(-rows // stride)
    labelled = bool(schema.labels) and {*schema.labels} <= {*names}
    ends = schema.row_width, schema.row_width + max(len(schema.labels), 1)

    def task(shard: int) -> Vector:
        taken = np.zeros((count, ends[1] + 1))
        first = bounds(rows, command.scoring.shards, shard)[0]
        for table in scorer.tables(shard, names):
            chosen = np.flatnonzero((first + np.arange(len(table))) % stride == 0)
            part = table.take(chosen)
            place = (first + chosen) // stride
            if len(chosen):
                taken[place, : ends[0]] = features_of(part, schema, "the data")
                labels = labels_of(part, schema) if labelled else None
                taken[place, ends[0] : ends[1]] = labels.y.reshape(len(part), -1) if labels else 0
                taken[place, -1] = labels.weight if labels else 1
            first += len(table)
            tracker.finish_batch()
        return taken.reshape(-1)

    total = float64_of(tasks.reduce(0, tasks.map(0, task), task, command.scoring.workers))
    if not tasks.leads:
        return Explained(b"")
    x, y, weight = np.split(total.reshape(count, -1), ends, axis=1)
    kind = np.int32 if schema.label_type == "class" else np.float32
    arrays = {
        "x": x.astype(np.float32),
        "y": y.reshape(count, *schema.label_shape).astype(kind),
        "weight": weight[:, 0].astype(np.float32),
    }
    return Explained(bytes(pack(arrays)))


def explain_features(command: ExplainFeatures, tasks: Tasks, tracker: ProgressTracker) -> Explained:
    """Work out the effects of all features on the sample.

    The arrays are ``metric`` [1 + columns · repeats], of the rows as they are, then with one column permuted;
    ``grid`` [features, values]; ``curves`` [features, values, rows, outputs], the outputs with a feature at a value.
    ``dependence`` [features, values, outputs] is the mean over all rows of the sample.
    """
    model = Scorer(command.scoring).model
    sample = unpack(command.sample)
    x = sample["x"]
    width = model.schema.width
    grid = grid_of(x[:, :width])
    outputs = model.call(x[:1], 1).reshape(-1).size
    shown = max(1, min(CURVES, len(x), MAX_NUMBERS // max(1, grid.size * outputs)))
    chosen = np.linspace(0, len(x) - 1, shown).astype(np.int64)  # the rows of the curves
    groups = groups_of(model.schema)
    score = _scorer(model, sample, command.metric)

    def task(shard: int) -> Vector:
        own = range(shard, width, command.scoring.shards)
        metric = np.zeros((1 + len(groups) * command.repeats) if command.metric else 0)
        mean = np.zeros((*grid.shape, outputs))
        curves = np.zeros((*grid.shape, shown, outputs))
        if command.metric and shard == 0:
            metric[0] = score(x)
        for number in range(shard, len(groups) if command.metric else 0, command.scoring.shards):
            for repeat in range(command.repeats):
                metric[1 + number * command.repeats + repeat] = score(_permuted(x, groups[number].places, repeat))
            tracker.finish_batch()
        for feature in own:
            for k, value in enumerate(grid[feature]):
                changed = x.copy()
                changed[:, feature] = value
                result = _outputs(model, changed)
                mean[feature, k] = result.mean(axis=0, dtype=np.float64)
                curves[feature, k] = result[chosen]
            tracker.finish_batch()
        return np.concatenate([metric, mean.reshape(-1), curves.reshape(-1)])

    total = float64_of(tasks.reduce(0, tasks.map(0, task), task, command.scoring.workers))
    if not tasks.leads:
        return Explained(b"")
    ends = np.cumsum([1 + len(groups) * command.repeats if command.metric else 0, grid.size * outputs])
    metric, mean, curves = np.split(total, ends)
    arrays = {"metric": metric, "dependence": mean.reshape(*grid.shape, outputs), "grid": grid}
    return Explained(bytes(pack(arrays | {"curves": curves.reshape(*grid.shape, shown, outputs)})))


def grid_of(x: Array) -> Array:
    """float32 [features, values]: values of each feature, as many rows between any two of them; x [rows, features]."""
    places = np.linspace(0, 1, GRID)
    with np.errstate(invalid="ignore"):
        known = [column[~np.isnan(column)] for column in x.T]
    columns = [np.quantile(column, places, method="nearest") if len(column) else np.zeros(GRID) for column in known]
    return np.array(columns, np.float32).reshape(x.shape[1], GRID)


def _permuted(x: Array, places: list[int], repeat: int) -> Array:
    """The rows with some numbers of others, drawn by the repeat and the numbers' places."""
    order = np.random.default_rng([repeat, places[0]]).permutation(len(x))
    changed = x.copy()
    changed[:, places] = x[order][:, places]
    return changed


def _outputs(model: Model, x: Array) -> Array:
    """[rows, outputs]: the model's outputs for prepared rows."""
    parts = [model.call(x[low : low + 4096], min(4096, len(x))) for low in range(0, len(x), 4096)]
    return np.concatenate(parts).reshape(len(x), -1)


def _scorer(model: Model, sample: dict[str, Array], metric: str | None) -> Callable[[Array], float]:
    """The function of the sample's features that is a metric of their outputs."""
    schema: Schema = model.schema
    evaluation = Evaluation(schema, [metric] if metric else [])
    rows = Rows.of((sample["x"], sample["y"], sample["weight"]), None)

    def score(x: Array) -> float:
        outputs = _outputs(model, x)
        outputs = outputs if names_of_outputs(schema) else outputs[:, 0]
        sums = evaluation.sums(outputs, np.zeros(len(x), np.float32), rows)
        return evaluation.metrics(sums).get(str(metric), np.nan)

    return score
