"""A version of a model with smaller weights, which is measured on real rows, or none."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from yarnml import storage
from yarnml.control.commands import EvaluateModel, QuantiseModel
from yarnml.control.reports import ModelMetrics
from yarnml.errors import ExportError
from yarnml.job import paths
from yarnml.job.metrics import requested, rises, usual_metric
from yarnml.job.processes import Workers
from yarnml.job.quantisation import measuring_rows
from yarnml.job.spec import Export, Job
from yarnml.master.crew import Crew
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import first_of
from yarnml.master.scoring_plan import ScoringPlan, Source, plan_scoring, shards_of
from yarnml.model import export, versions


class Measured(NamedTuple):
    """A metric of the model and of the smaller one, and the bytes of their parameters."""

    metric: str
    before: float
    after: float
    bytes_before: int
    bytes_after: int


class Request(NamedTuple):
    """The wish for a smaller version.

    ``kind``: of its weights.  ``tolerance``: by how much the metric may get worse, as a part of it.
    ``field``: that says the tolerance, as its user knows it.  ``part``: of the data, whose metrics the version has.
    """

    kind: str
    metric: str
    tolerance: float
    field: str
    part: str


def write_smaller(
    crew: Crew, workers: Workers, plan: ScoringPlan, request: Request, folder: str, about: Mapping[str, Any]
) -> Measured:
    """Have a worker write the smaller version into a folder that nobody sees yet, and add what it measured.

    ``plan``: the model, and the rows to measure both on.  ``about``: of the new model.json, but for its metrics.
    Raises ExportError where the metric gets too much worse.
    """
    shards = shards_of(plan.dataset.rows)
    before = _metrics(crew, workers, plan, request.metric)
    run_to_end(crew, QuantiseModel(plan.folder, plan.digest, request.kind, folder, dict(about)), shards)
    smaller = plan._replace(folder=folder, digest=versions.description(folder).digest)
    after = _metrics(crew, workers, smaller, request.metric)
    sizes = [storage.size(storage.join(place, paths.MODEL)) for place in (plan.folder, folder)]
    measured = Measured(request.metric, before[request.metric], after[request.metric], *sizes)
    _check(request, measured)
    facts = {"kind": request.kind, **measured._asdict()}
    export.describe_anew(folder, {"quantised": facts, "metrics": {request.part: after}})
    return measured


def _metrics(crew: Crew, workers: Workers, plan: ScoringPlan, metric: str) -> dict[str, float]:
    """The metrics of a version on all rows."""
    shards = shards_of(plan.dataset.rows)
    command = EvaluateModel(plan.scoring(shards, "fail", workers), list(requested([metric])), None, [])
    return first_of(run_to_end(crew, command, shards), ModelMetrics).metrics


def _check(request: Request, measured: Measured) -> None:
    loss = measured.after - measured.before
    worse = -loss if rises(measured.metric) else loss
    if worse > request.tolerance * abs(measured.before):
        raise ExportError(
            f"{measured.metric} gets worse from {measured.before:.6g} to {measured.after:.6g} with weights of "
            f"{request.kind}, by more than {request.field} {request.tolerance:g} of it; no version was made."
        )


def export_smaller(crew: Crew, job: Job, target: Export, model: str, folder: str, about: Mapping[str, Any]) -> None:
    """Have the workers write what ``export.quantise`` asks for; ``model``: the folder of the one as it was trained."""
    rows = measuring_rows(job)
    assert rows, "the job file is refused without"
    assert target.quantise
    part, urls = rows
    plan = plan_scoring(model, Source(f"data.{part}", urls, job.data.format, job.data.csv), [], labelled=True)
    metric = usual_metric(plan.schema.label_type)
    request = Request(target.quantise, metric, target.tolerance, "export.tolerance", part)
    write_smaller(crew, job.workers, plan, request, folder, about)
