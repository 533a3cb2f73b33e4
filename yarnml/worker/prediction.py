"""Predictions as files: a Parquet file for each shard, which is the same whoever writes it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from yarnml import storage
from yarnml.control.commands import Predict
from yarnml.control.reports import Predicted
from yarnml.data.formats import parquet
from yarnml.data.output_columns import names_of_numbers, prediction_columns, probability_columns
from yarnml.data.schema import Schema
from yarnml.errors import ExportError, translated
from yarnml.job import paths
from yarnml.model.explain.explainer import trees_of
from yarnml.model.model import Model
from yarnml.reduce.reducer import StepAborted
from yarnml.reduce.tree import Vector, float64_of
from yarnml.worker.devices import check_devices
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.scoring import ScoredRows, Scorer
from yarnml.worker.tasks import Tasks


def predict(command: Predict, tasks: Tasks, tracker: ProgressTracker) -> Predicted:
    """Write the files of this worker's shards, and of late ones of others; the counts of all shards.

    A file that is there is whole, and of this job, so nothing is computed for it: a job goes on where it stopped.
    """
    check_devices(command.scoring.workers.gpus)
    scorer = Scorer(command.scoring)

    def task(shard: int) -> Vector:
        if tracker.is_outdated:
            raise StepAborted(f"Shard {shard} is given to somebody anew.")
        url = storage.join(command.folder, paths.part(shard))
        with translated(ExportError, f"{url} can't be written"):
            counts = (
                _counts(url, scorer.model.schema)
                if storage.exists(url)
                else _write(url, shard, scorer, command, tracker)
            )
        tracker.finish_batch()
        return counts

    total = tasks.reduce(0, tasks.map(0, task), task, command.scoring.workers)
    rows, nulls = float64_of(total)
    return Predicted(int(rows), int(nulls))


def _write(url: str, shard: int, scorer: Scorer, command: Predict, tracker: ProgressTracker) -> Vector:
    """Predict a shard and write its file; float64 [2]: its rows, and those that have no prediction."""
    tables = []
    nulls = 0
    for rows in scorer.scan(shard):
        tables.append(predictions(rows, scorer.model, command))
        nulls += int((~rows.is_valid).sum())
        tracker.finish_batch()
    table = pa.concat_tables(tables)
    schema = scorer.model.schema
    repeats = [*command.keep, *(prediction_columns(schema) if schema.classes else [])]
    storage.write(url, parquet.encode(table, compression="zstd", use_dictionary=repeats))
    return np.array([table.num_rows, nulls], np.float64)


def _counts(url: str, schema: Schema) -> Vector:
    """float64 [2]: the rows of a file that was written before, and those that have no prediction."""
    fs, path = storage.arrow(url)
    with pq.ParquetFile(path, filesystem=fs) as file:
        column = file.read(columns=prediction_columns(schema)[:1]).column(0)
    return np.array([len(column), column.null_count], np.float64)


def predictions(rows: ScoredRows, model: Model, command: Predict) -> pa.Table:
    """Make the table of some rows: the columns to keep, ``prediction``, and those that the command asks for.

    ``probabilities`` are there only where the model has any.  Of several labels there is a ``prediction`` and a
    ``probability`` for each, with its name behind; of several quantiles a ``prediction`` for each.
    """
    schema = model.schema
    columns: dict[str, Any] = {name: rows.table.column(name) for name in command.keep}
    is_null = ~rows.is_valid
    if names_of_numbers(schema):
        columns |= _several(rows.outputs, is_null, schema, probabilities=command.probabilities)
    else:
        columns["prediction"] = _prediction(rows.outputs, is_null, schema)
    if command.probabilities and has_probabilities(model):
        columns["probabilities"] = _lists(_probabilities(model, rows.outputs, rows.is_valid), is_null)
    if command.leaves:
        columns["leaves"] = _lists(trees_of(model).leaves(rows.x), is_null)
    if command.distances:  # the outputs of clusters are squared distances below 0
        columns["distances"] = _lists(np.sqrt(np.maximum(-rows.outputs, 0)), is_null)
    return pa.table(columns)


def _several(
    outputs: npt.NDArray[np.float32], is_null: npt.NDArray[np.bool_], schema: Schema, *, probabilities: bool
) -> dict[str, pa.Array]:
    """A column for each of several predictions, and of labels one of the probability of the second class."""
    values = schema.choose(outputs) if schema.classes else outputs
    arrays = [pa.array(column, mask=is_null) for column in values.T]
    columns = {
        name: pa.array(schema.classes).take(array) if schema.classes else array
        for name, array in zip(prediction_columns(schema), arrays, strict=True)
    }
    if probabilities and schema.classes:
        shares = zip(probability_columns(schema), outputs.T, strict=True)
        columns |= {name: pa.array(share, mask=is_null) for name, share in shares}
    return columns


def has_probabilities(model: Model) -> bool:
    """Tell whether a model's outputs are meant as probabilities of classes."""
    return model.schema.task == "class" and model.about["learner"]["kind"] != "svm"


def _probabilities(
    model: Model, outputs: npt.NDArray[np.float32], is_valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """[rows, classes]: those of valid rows, 0 for the others."""
    shares = np.zeros_like(outputs)
    try:
        shares[is_valid] = model.probabilities(outputs[is_valid])
    except ExportError as exc:
        raise ExportError(f"{exc} Set predict.probabilities: false.") from exc
    return shares


def _prediction(outputs: npt.NDArray[np.float32], is_null: npt.NDArray[np.bool_], schema: Schema) -> pa.Array:
    """The class of each row in the label's own type, the number, the cluster, or a list of coordinates."""
    if schema.classes:
        places = pa.array(schema.choose(outputs), pa.int32(), mask=is_null)
        return pa.array(schema.classes).take(places)
    return pa.array(outputs, mask=is_null) if outputs.ndim == 1 else _lists(outputs, is_null)


def _lists(values: npt.NDArray[Any], is_null: npt.NDArray[np.bool_]) -> pa.Array:
    """Lists of one length, one for each row; null for some rows."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(flat, values.shape[1], mask=pa.array(is_null) if is_null.any() else None)
    return lists.cast(pa.list_(flat.type))
