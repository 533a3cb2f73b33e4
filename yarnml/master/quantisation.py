"""The story of a smaller version: evaluate the model, write it smaller, evaluate that, and give it a number."""

from typing import NamedTuple

from yarnml import storage
from yarnml.control.commands import EvaluateModel, QuantiseModel
from yarnml.control.reports import ModelMetrics
from yarnml.errors import ExportError
from yarnml.events.events import Listener, Planned
from yarnml.job import paths
from yarnml.job.metrics import check_metric, requested, rises, usual_metric
from yarnml.job.quantisation import NETWORKS, Quantisation
from yarnml.job.spec import Export
from yarnml.master.crew import Cluster, Crew
from yarnml.master.locality import Locality
from yarnml.master.persistence import run_to_end
from yarnml.master.reports import first_of
from yarnml.master.scoring_plan import ScoringPlan, Source, plan_scoring, shards_of
from yarnml.model import export, versions
from yarnml.storage import atomic


class QuantisationResult(NamedTuple):
    """The new version: its folder, the metric of both, and the bytes of their parameters."""

    folder: str
    metric: str
    before: float
    after: float
    bytes_before: int
    bytes_after: int


def quantise(job: Quantisation, cluster: Cluster, say: Listener) -> QuantisationResult:
    """Make a smaller version beside a stored one; ExportError where its metric gets too much worse."""
    plan = plan_scoring(job.model, Source("--data", job.data, job.format), [], labelled=True)
    schema = plan.schema
    document = versions.read_model(plan.folder).about
    if document["learner"]["kind"] not in NETWORKS or "quantised" in document:
        raise ExportError(f"{plan.folder} has no weights to be made smaller: they are those of {', '.join(NETWORKS)}.")
    if schema.label is None:
        raise ExportError(f"{plan.folder} learnt without a label, so there is nothing to measure its loss by.")
    metric = job.metric or usual_metric(schema.label_type)
    check_metric("--metric", metric, schema.label_type, len(schema.classes or ()))
    parent = plan.folder.rpartition("/")[0]
    target = Export(path=parent)
    export.check_target(target)
    say(Planned("quantisation", cluster.name, {"evaluate": plan.dataset.rows}, 1, cluster.workers(job), 0))
    about = {name: value for name, value in document.items() if name not in ("format", "digests")}
    about |= {"parent": {"folder": plan.folder, "digest": plan.digest}}
    shards = shards_of(plan.dataset.rows)
    draft = export.begin(target, "quantised", plan.folder)
    with (
        atomic.draft(draft) as folder,
        cluster.open_crew(job, paths.logs(job.folder), say, Locality(plan.dataset, shards)) as crew,
    ):
        before = _metrics(job, plan, crew, metric)
        run_to_end(crew, QuantiseModel(plan.folder, plan.digest, job.kind, folder, about), shards)
        smaller = plan._replace(folder=folder, digest=versions.description(folder).digest)
        after = _metrics(job, smaller, crew, metric)
        sizes = [storage.size(storage.join(place, paths.MODEL)) for place in (plan.folder, folder)]
        result = QuantisationResult("", metric, before[metric], after[metric], *sizes)
        _check(job, result)
        facts = {"kind": job.kind, **{name: value for name, value in result._asdict().items() if name != "folder"}}
        about |= {"quantised": facts, "metrics": {"test": after}}
        run_to_end(crew, QuantiseModel(plan.folder, plan.digest, job.kind, folder, about), shards)
        return result._replace(folder=export.commit(target, folder))


def _metrics(job: Quantisation, plan: ScoringPlan, crew: Crew, metric: str) -> dict[str, float]:
    """The metrics of a version on all rows."""
    shards = shards_of(plan.dataset.rows)
    command = EvaluateModel(plan.scoring(shards, "fail", job.workers), list(requested([metric])), None, [])
    return first_of(run_to_end(crew, command, shards), ModelMetrics).metrics


def _check(job: Quantisation, result: QuantisationResult) -> None:
    loss = result.after - result.before
    worse = -loss if rises(result.metric) else loss
    if worse > job.tolerance * abs(result.before):
        raise ExportError(
            f"{result.metric} gets worse from {result.before:.6g} to {result.after:.6g} with weights of {job.kind}, by "
            f"more than --tolerance {job.tolerance:g} of it; no version was made."
        )


def quantisation_text(end: QuantisationResult) -> str:
    """The end for people."""
    return (
        f"{end.folder}: {end.metric} {end.after:.6g}, was {end.before:.6g}; "
        f"{end.bytes_after} bytes of parameters, were {end.bytes_before}"
    )
