"""The story of an explanation: draw a sample, find the effects of features on it, then the SHAP values of all rows.

The output is a folder that appears by one rename:

* ``shap/part-…parquet``: for each row, in order, the kept columns and a value for each feature
* ``features.parquet``: mean sizes of these values; ``importances.parquet``: what permuting a column costs
* ``dependence.parquet`` and ``curves.parquet``: the outputs by the values of a feature, on average and of single rows
* ``explanation.json``: model, data, method and base values; ``index.html``: a page of plots
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml import storage
from yarnml.control.commands import Command, DrawSample, ExplainFeatures, ExplainRows
from yarnml.control.reports import Explained
from yarnml.data.dataset import inspect
from yarnml.errors import ExportError, JobFileError, translated
from yarnml.events.events import Listener, Planned
from yarnml.events.text import columns
from yarnml.job import paths
from yarnml.job.explanation import ModelExplanation
from yarnml.job.metrics import check_metric
from yarnml.master.crew import Cluster, Crew
from yarnml.master.explanation_output import Values, write
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import all_of
from yarnml.master.scoring_plan import ScoringPlan, Source, plan_scoring
from yarnml.model import versions
from yarnml.storage import atomic
from yarnml.storage.tensors import unpack

ROWS_PER_SHARD = 2**15
"""Rows of a file of values: they take longer than predictions."""
LEAST_SHARDS = 8
"""Shards of few rows: so many workers may share the features."""
MAX_SAMPLE_BYTES = 4 * 2**20
SHOWN = 10
"""Features that the command prints: the tables have all."""

Array = npt.NDArray[Any]


class ExplanationResult(NamedTuple):
    """The end of an explanation.  ``importances``: by column, the largest first; empty for rows without labels.

    ``note``: about a page that could not be drawn.
    """

    model: str
    output: str
    rows: int
    method: str
    metric: str
    importances: dict[str, float]
    sizes: dict[str, float]
    note: str = ""


def explain(job: ModelExplanation, cluster: Cluster, say: Listener) -> ExplanationResult:
    """Explain a stored model on some rows; the same numbers on any number of workers."""
    plan, metric = _plan(job)
    with translated(ExportError, f"--output {job.output} can't be written"):
        if storage.exists(job.target):
            raise ExportError(f"--output {job.output} exists; choose another folder, or remove it.")
        storage.remove(job.draft)
    rows = plan.dataset.rows
    shards = min(rows, max(LEAST_SHARDS, -(-rows // ROWS_PER_SHARD)))
    scoring = plan.scoring(shards, "fail", job.workers)
    bytes_of_row = 8 * (plan.schema.row_width + 2)
    sample_rows = max(10, min(job.sample, MAX_SAMPLE_BYTES // bytes_of_row))
    say(Planned("explanation", cluster.name, {"explain": rows}, shards, cluster.workers(job), 0))
    with atomic.draft(job.draft) as folder:
        with cluster.open_crew(job, paths.logs(job.folder), say, Locality(plan.dataset, shards)) as crew:
            sample = _run(crew, DrawSample(scoring, sample_rows), shards).arrays
            effects = unpack(_run(crew, ExplainFeatures(scoring, sample, metric, job.repeats), shards).arrays)
            baseline = _baseline(plan, unpack(sample))
            command = ExplainRows(scoring, storage.join(folder, "shap"), job.keep, baseline, job.orders)
            explained = _run(crew, command, shards)
        values = Values(explained.method, metric, job.repeats, effects, unpack(explained.arrays))
        with translated(ExportError, f"--output {job.output} can't be written"):
            note = write(folder, plan, values)
            storage.rename(folder, job.target)
    importances = values.importances(plan.schema)
    return ExplanationResult(
        plan.folder, job.target, rows, explained.method, metric or "", importances, values.sizes(plan.schema), note
    )


def explanation_text(end: ExplanationResult) -> str:
    """The end of an explanation for people: the features that matter most."""
    heads = ["feature", "mean |SHAP|"]
    rows = [[name, f"{size:.4g}"] for name, size in [*end.sizes.items()][:SHOWN]]
    text = f"{end.model}: {end.rows} rows, {end.method}\n" + columns([heads, *rows])
    if end.importances:
        costs = [[name, f"{value:.4g}"] for name, value in [*end.importances.items()][:SHOWN]]
        text += "\n\n" + columns([["column", f"importance by {end.metric}"], *costs])
    return "\n".join(filter(None, [text, end.note, f"output: {end.output}"]))


def _plan(job: ModelExplanation) -> tuple[ScoringPlan, str | None]:
    """The model and the rows, and the metric of importances; None for rows without labels."""
    schema = versions.description(versions.resolve(job.model)).schema
    _, stored = inspect(job.data, job.format, "--data")
    labelled = schema.label is not None and schema.label in stored.names
    plan = plan_scoring(
        job.model, Source("--data", job.data, job.format), [("--keep", n) for n in job.keep], labelled=labelled
    )
    if schema.keyed:
        raise ExportError(f"Column '{schema.keyed[0].name}' becomes keys; a model of such is not explained.")
    if not labelled:
        if job.metric:
            raise JobFileError(f"--metric {job.metric} needs rows with the label; --data has none.")
        return plan, None
    usual = "rmse" if schema.label_type == "number" else "log_loss"
    if usual == "log_loss" and versions.description(plan.folder).learner["kind"] == "svm":
        usual = "accuracy"
    check_metric("--metric", job.metric or usual, schema.label_type, len(schema.classes or ()))
    return plan, job.metric or usual


def _run(crew: Crew, command: Command, shards: int) -> Explained:
    """Have all workers carry out a command; returns the report of the one that leads."""
    return next(report for report in all_of(run_to_end(crew, command, shards), Explained) if report.arrays)


def _baseline(plan: ScoringPlan, sample: dict[str, Array]) -> list[float]:
    """Each feature before it is known: the training rows' mean where the model holds it, else the sample's."""
    arrays = versions.read_model(plan.folder).arrays
    mean = arrays["scaling/mean"]
    if mean.any() or (arrays["scaling/factor"] != 1).any():
        return [float(value) for value in mean]
    means = np.nanmean(sample["x"][:, : plan.schema.width], axis=0, dtype=np.float64)
    return [float(value) for value in np.atleast_1d(means)]
