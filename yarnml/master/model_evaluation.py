"""The story of an evaluation of a stored model: find the groups, then add up what metrics are made of."""

from typing import NamedTuple

import msgspec

from yarnml.control.commands import EvaluateModel, FindGroups
from yarnml.control.reports import GroupNames, ModelMetrics
from yarnml.errors import ExportError, JobFileError
from yarnml.events.events import Listener
from yarnml.events.text import columns
from yarnml.job import paths
from yarnml.job.metrics import MAX_GROUPS, all_metrics, check_metric, requested
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.master.crew import Cluster, Crew
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import all_of, first_of
from yarnml.master.scoring_plan import Source, plan_scoring, shards_of


class EvaluationResult(NamedTuple):
    """The end of an evaluation.

    ``rows``: of the data.  ``weight``: of all rows together, which is their number where they have none of their own.
    ``groups``: the metrics of each value of the column ``by``, as text.
    """

    model: str
    rows: int
    weight: float
    metrics: dict[str, float]
    by: str | None
    groups: dict[str, dict[str, float]]


def evaluate(job: ModelEvaluation, cluster: Cluster, say: Listener) -> EvaluationResult:
    """Evaluate a stored model on all rows of some data; the same numbers on any number of workers."""
    extra = [("--by", job.by)] if job.by else []
    plan = plan_scoring(job.model, Source("--data", job.data, job.format), extra, labelled=True)
    schema = plan.schema
    if schema.label is None:
        raise ExportError(f"{plan.folder} learnt without a label, so there is nothing to compare its outputs with.")
    for name in job.metrics:
        check_metric("--metrics", name, schema.label_type, len(schema.classes or ()), single=False)
    names = requested(job.metrics or all_metrics(schema.label_type, len(schema.classes or ())))
    shards = shards_of(plan.dataset.rows)
    scoring = plan.scoring(shards, "fail", job.workers)
    locality = Locality(plan.dataset, shards)
    with cluster.open_crew(job, paths.logs(job.folder), say, locality) as crew:
        groups = _groups(crew, FindGroups(scoring, job.by), shards) if job.by else []
        judged = first_of(run_to_end(crew, EvaluateModel(scoring, list(names), job.by, groups), shards), ModelMetrics)
    return EvaluationResult(plan.folder, plan.dataset.rows, judged.weight, judged.metrics, job.by, judged.groups)


def _groups(crew: Crew, command: FindGroups, shards: int) -> list[str]:
    """The values of the column by which there are metrics, as text, in order."""
    groups = {group for report in all_of(run_to_end(crew, command, shards), GroupNames) for group in report.groups}
    if len(groups) > MAX_GROUPS:
        raise JobFileError(f"--by {command.by}: there are more than {MAX_GROUPS} groups; choose another column.")
    return sorted(groups)


def evaluation_json(end: EvaluationResult) -> str:
    """The end of an evaluation for programs; a metric that is not defined is left out."""
    return msgspec.json.format(msgspec.json.encode(end._asdict())).decode()


def evaluation_table(end: EvaluationResult) -> str:
    """The end of an evaluation for people: a line for each metric, a column for all rows and one for each group."""
    sides = {"all": end.metrics, **{f"{end.by}={name}": metrics for name, metrics in end.groups.items()}}
    names = dict.fromkeys(name for metrics in sides.values() for name in metrics)
    rows = [[name, *(_shown(metrics.get(name)) for metrics in sides.values())] for name in names]
    return f"{end.model}: {end.rows} rows\n" + columns([["", *sides], *rows])


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
