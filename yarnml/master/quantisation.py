"""The story of a smaller version: evaluate the model, write it smaller, evaluate that, and give it a number."""

from typing import NamedTuple

from yarnml.errors import ExportError
from yarnml.events.events import Listener, Planned
from yarnml.job import paths
from yarnml.job.metrics import check_metric, usual_metric
from yarnml.job.quantisation import NETWORKS, Quantisation
from yarnml.job.spec import Export
from yarnml.master.crew import Cluster
from yarnml.master.locality import Locality
from yarnml.master.scoring_plan import Source, plan_scoring, shards_of
from yarnml.master.smaller_version import Request, write_smaller
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
    _, document = versions.read_about(plan.folder)
    if document["learner"]["kind"] not in NETWORKS or "quantised" in document:
        raise ExportError(f"{plan.folder} has no weights to be made smaller: they are those of {', '.join(NETWORKS)}.")
    if schema.label is None:
        raise ExportError(f"{plan.folder} learnt without a label, so there is nothing to measure its loss by.")
    metric = job.metric or usual_metric(schema.task)
    check_metric("--metric", metric, schema.task, len(schema.classes or ()))
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
        request = Request(job.kind, metric, job.tolerance, "--tolerance", "test")
        measured = write_smaller(crew, job.workers, plan, request, folder, about)
        return QuantisationResult(export.commit(target, folder), *measured)


def quantisation_text(end: QuantisationResult) -> str:
    """The end for people."""
    return (
        f"{end.folder}: {end.metric} {end.after:.6g}, was {end.before:.6g}; "
        f"{end.bytes_after} bytes of parameters, were {end.bytes_before}"
    )
