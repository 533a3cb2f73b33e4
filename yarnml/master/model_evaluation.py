"""The story of an evaluation of a stored model: find the groups, then add up what metrics are made of."""

from typing import Any, NamedTuple

import msgspec

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.control.commands import EvaluateModel, FindGroups
from yarnml.control.reports import GroupNames, ModelMetrics
from yarnml.errors import ExportError, JobFileError, translated
from yarnml.events.events import Listener, Planned
from yarnml.events.model_jobs import EvaluationResult, evaluation_json
from yarnml.job import paths
from yarnml.job.learners import SCORE_OBJECTIVES
from yarnml.job.metrics import MAX_GROUPS, all_metrics, check_metric, of_all_rows, requested
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.master.crew import Cluster, Crew
from yarnml.master.earlier_output import earlier_end
from yarnml.master.hidden_folder import hidden_folder
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import all_of, first_of
from yarnml.master.scoring_plan import ScoringPlan, Source, plan_scoring, shards_of
from yarnml.model import versions
from yarnml.storage import atomic

FORMAT = "yarnml-evaluation/1"


class EvaluationPlan(NamedTuple):
    """An evaluation that can be made.

    ``identity``: all that decides its numbers.
    ``done``: the end of an earlier run.
    """

    job: ModelEvaluation
    scoring: ScoringPlan
    metrics: list[str]
    identity: dict[str, Any]
    done: EvaluationResult | None


def plan_evaluation(job: ModelEvaluation) -> EvaluationPlan:
    """Check everything that can be checked of a job, its model, its rows and its output."""
    section = job.evaluate
    extra = [("evaluate.by", section.by)] if section.by else []
    source = Source("evaluate.data", section.data, section.format, section.csv)
    plan = plan_scoring(section.model, source, extra, labelled=True)
    schema = plan.schema
    if schema.label is None:
        raise ExportError(f"{plan.folder} learnt without a label, so there is nothing to compare its outputs with.")
    objective = versions.description(plan.folder).learner.get("objective")
    if objective in SCORE_OBJECTIVES:
        raise ExportError(
            f"{plan.folder} predicts scores, by learner.objective {objective}, which are not to be compared with the "
            "label; their metrics hang on the order of rows in all shards, and evaluations in training have them."
        )
    for name in section.metrics:
        check_metric("evaluate.metrics", name, schema.task, len(schema.classes or ()), single=False)
        if of_all_rows(name):
            raise JobFileError(
                f"evaluate.metrics: {name} hangs on the order of rows in all shards, which only evaluations in "
                "training look at; name it in evaluation.metrics of the job that trains."
            )
    names = list(requested(section.metrics or all_metrics(schema.task, len(schema.classes or ()))))
    identity = {"model": plan.digest, "data": plan.dataset.fingerprint, "by": section.by, "metrics": names}
    return EvaluationPlan(job, plan, names, identity, earlier_end(job, "file", lambda: _end(job, identity)))


def check_evaluation(job: ModelEvaluation) -> EvaluationResult | None:
    """Check all that can be checked of a job before any process of it starts; its end, where it came to it before."""
    Lease(job.folder, job.folder_field).check()
    return plan_evaluation(job).done


def evaluate(job: ModelEvaluation, cluster: Cluster, say: Listener) -> EvaluationResult:
    """Evaluate a stored model on all rows of some data; the same numbers on any number of workers."""
    plan = plan_evaluation(job)
    if plan.done:
        return plan.done
    dataset = plan.scoring.dataset
    shards = shards_of(dataset.rows)
    by = job.evaluate.by
    scoring = plan.scoring.scoring(shards, "fail", job.workers)
    with hidden_folder(job, cluster, say) as (lease, record):
        record(Planned(job.name, cluster.name, {"evaluate": dataset.rows}, shards, cluster.workers(job), 0))
        with cluster.open_crew(job, paths.logs(job.folder), record, Locality(dataset, shards)) as crew:
            groups = _groups(crew, FindGroups(scoring, by), shards) if by else []
            command = EvaluateModel(scoring, plan.metrics, by, groups)
            judged = first_of(run_to_end(crew, command, shards), ModelMetrics)
        lease.confirm()
        end = EvaluationResult(
            job.name, job.output, plan.scoring.folder, dataset.rows, judged.weight, judged.metrics, by, judged.groups
        )
        _commit(plan, end)
        record.add(end)
    return end


def _commit(plan: EvaluationPlan, end: EvaluationResult) -> None:
    """Show the output; ExportError where somebody else's is there by now."""
    document = {"format": FORMAT, **msgspec.json.decode(evaluation_json(end)), "identity": plan.identity}
    with translated(ExportError, f"evaluate.output {end.output} can't be written"):
        try:
            with atomic.create(end.output) as url:
                storage.write(url, msgspec.json.format(msgspec.json.encode(document)))
        except FileExistsError as exc:
            raise ExportError(f"evaluate.output {end.output} appeared meanwhile; choose another file.") from exc


def _end(job: ModelEvaluation, identity: dict[str, Any]) -> EvaluationResult | None:
    """The end in the job's output; None where that is of another job."""
    document = msgspec.json.decode(storage.read(job.output))
    if document["identity"] != identity:
        return None
    return msgspec.convert({**document, "name": job.name, "output": job.output}, EvaluationResult)


def _groups(crew: Crew, command: FindGroups, shards: int) -> list[str]:
    """The values of the column by which there are metrics, as text, in order."""
    groups = {group for report in all_of(run_to_end(crew, command, shards), GroupNames) for group in report.groups}
    if len(groups) > MAX_GROUPS:
        raise JobFileError(f"evaluate.by {command.by}: there are more than {MAX_GROUPS} groups; choose another column.")
    return sorted(groups)
