"""The story of an explanation: draw a sample, find the effects of features on it, then the SHAP values of all rows.

The output is a folder that appears by one rename:

* ``shap/part-…parquet``: for each row, in order, the kept columns and a value for each feature
* ``features.parquet``: mean sizes of these values; ``importances.parquet``: what permuting a column costs
* ``dependence.parquet`` and ``curves.parquet``: the outputs by the values of a feature, on average and of single rows
* ``explanation.json``: model, data, method and base values; ``index.html``: a page of plots
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.control.commands import Command, DrawSample, ExplainFeatures, ExplainRows
from yarnml.control.reports import Explained
from yarnml.errors import ExportError, JobFileError, translated
from yarnml.events.events import Listener, Planned
from yarnml.events.model_jobs import ExplanationResult
from yarnml.job import paths
from yarnml.job.explanation import ModelExplanation
from yarnml.job.learners import SCORE_OBJECTIVES
from yarnml.job.metrics import check_metric, usual_metric
from yarnml.master.crew import Cluster, Crew
from yarnml.master.earlier_output import earlier_end
from yarnml.master.explanation_output import FACTS, Values, write
from yarnml.master.hidden_folder import hidden_folder
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import all_of
from yarnml.master.scoring_plan import ScoringPlan, Source, plan_scoring
from yarnml.model import versions
from yarnml.model.explain.baseline import check_explainable, known_baseline
from yarnml.storage.tensors import unpack

ROWS_PER_SHARD = 2**15
"""Rows of a file of values: they take longer than predictions."""
LEAST_SHARDS = 8
"""Shards of few rows: so many workers may share the features."""
MAX_SAMPLE_BYTES = 4 * 2**20

Array = npt.NDArray[Any]


class ExplanationPlan(NamedTuple):
    """An explanation that can be made.

    ``metric``: of importances; None for rows without labels.
    ``settings``: what decides the numbers, beside the model and the rows.
    ``done``: the end of an earlier run.
    """

    job: ModelExplanation
    scoring: ScoringPlan
    metric: str | None
    settings: dict[str, Any]
    done: ExplanationResult | None


def plan_explanation(job: ModelExplanation) -> ExplanationPlan:
    """Check everything that can be checked of a job, its model, its rows and its output."""
    plan, metric = _find_rows(job)
    section = job.explain
    names = ("keep", "sample", "repeats", "orders")
    settings = {"metric": metric, **{name: getattr(section, name) for name in names}}
    identity = {"digest": plan.digest, "data": plan.dataset.fingerprint, "settings": settings}
    return ExplanationPlan(job, plan, metric, settings, earlier_end(job, "folder", lambda: _end(job, identity)))


def check_explanation(job: ModelExplanation) -> ExplanationResult | None:
    """Check all that can be checked of a job before any process of it starts; its end, where it came to it before."""
    Lease(job.folder, job.folder_field).check()
    return plan_explanation(job).done


def explain(job: ModelExplanation, cluster: Cluster, say: Listener) -> ExplanationResult:
    """Explain a stored model on some rows; the same numbers on any number of workers."""
    explanation = plan_explanation(job)
    if explanation.done:
        return explanation.done
    plan = explanation.scoring
    metric = explanation.metric
    section = job.explain
    rows = plan.dataset.rows
    shards = min(rows, max(LEAST_SHARDS, -(-rows // ROWS_PER_SHARD)))
    scoring = plan.scoring(shards, "fail", job.workers)
    bytes_of_row = 8 * (plan.schema.row_width + 2)
    sample_rows = max(10, min(section.sample, MAX_SAMPLE_BYTES // bytes_of_row))
    with hidden_folder(job, cluster, say) as (lease, record):
        record(Planned(job.name, cluster.name, {"explain": rows}, shards, cluster.workers(job), 0))
        draft = storage.join(job.folder, paths.PARTS)
        storage.remove(draft)
        with cluster.open_crew(job, paths.logs(job.folder), record, Locality(plan.dataset, shards)) as crew:
            sample = _run(crew, DrawSample(scoring, sample_rows), shards).arrays
            effects = unpack(_run(crew, ExplainFeatures(scoring, sample, metric, section.repeats), shards).arrays)
            baseline = _baseline(plan, unpack(sample))
            command = ExplainRows(scoring, storage.join(draft, "shap"), section.keep, baseline, section.orders)
            explained = _run(crew, command, shards)
        values = Values(explained.method, metric, section.repeats, effects, unpack(explained.arrays))
        lease.confirm()
        with translated(ExportError, f"explain.output {job.output} can't be written"):
            note = write(draft, plan, values, explanation.settings)
            try:
                storage.rename(draft, job.output)
            except FileExistsError as exc:
                raise ExportError(f"explain.output {job.output} appeared meanwhile; choose another folder.") from exc
        importances = values.importances(plan.schema)
        sizes = values.sizes(plan.schema)
        end = ExplanationResult(
            job.name, job.output, plan.folder, rows, explained.method, metric or "", importances, sizes, note
        )
        record.add(end)
    return end


def _end(job: ModelExplanation, identity: dict[str, Any]) -> ExplanationResult | None:
    """The end in the job's output; None where that is of another job."""
    facts = msgspec.json.decode(storage.read(storage.join(job.output, FACTS)))
    if any(facts[name] != value for name, value in identity.items()):
        return None
    facts |= {"name": job.name, "output": job.output, "metric": facts["metric"] or ""}
    return msgspec.convert(facts, ExplanationResult)


def _find_rows(job: ModelExplanation) -> tuple[ScoringPlan, str | None]:
    """The model and the rows, and the metric of importances; None for rows without labels."""
    section = job.explain
    source = Source("explain.data", section.data, section.format, section.csv)
    kept = [("explain.keep", name) for name in section.keep]
    plan = plan_scoring(section.model, source, kept, labelled=None)
    schema = plan.schema
    check_explainable(schema)
    if not schema.labels or not {*schema.labels} <= {*plan.columns.names}:
        if section.metric:
            raise JobFileError(f"explain.metric {section.metric} needs rows with the label; explain.data has none.")
        return plan, None
    learner = versions.description(plan.folder).learner
    if (objective := learner.get("objective")) in SCORE_OBJECTIVES:
        if section.metric:
            raise JobFileError(
                f"explain.metric {section.metric} compares predictions with the label, but those of learner.objective "
                f"{objective} are scores; remove it."
            )
        return plan, None
    usual = usual_metric(schema.task)
    if usual == "log_loss" and learner["kind"] == "svm":
        usual = "accuracy"
    metric = section.metric or usual
    check_metric("explain.metric", metric, schema.task, len(schema.classes or ()))
    return plan, metric


def _run(crew: Crew, command: Command, shards: int) -> Explained:
    """Have all workers carry out a command; returns the report of the one that leads."""
    return next(report for report in all_of(run_to_end(crew, command, shards), Explained) if report.arrays)


def _baseline(plan: ScoringPlan, sample: dict[str, Array]) -> list[float]:
    """Each feature before it is known: the training rows' mean where the model holds it, else the sample's."""
    known = known_baseline(versions.read_model(plan.folder).arrays)
    if known is not None:
        return [float(value) for value in known]
    means = np.nanmean(sample["x"][:, : plan.schema.width], axis=0, dtype=np.float64)
    return [float(value) for value in np.atleast_1d(means)]
