"""All that is checked of a job before any process of it starts: its file, its data and its folders."""

from typing import NamedTuple

from msgspec.structs import replace

from yarnml.checkpoint import outcomes
from yarnml.checkpoint.fingerprint import snapshot_in
from yarnml.checkpoint.lease import Lease
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.largest_group import warning_of
from yarnml.data.overview import Overview, overview_of
from yarnml.data.plan import Plan, check_shards, make_plan
from yarnml.errors import JobFileError, YarnmlError
from yarnml.events.events import Event, Listener, Outcome
from yarnml.events.log import log
from yarnml.events.redaction import without_password
from yarnml.job.batches import check_batch_rows
from yarnml.job.consistency import remarks_on
from yarnml.job.fields import size_in_bytes
from yarnml.job.length import with_length
from yarnml.job.metrics import check_metric, of_groups
from yarnml.job.spec import Job
from yarnml.master import search_results
from yarnml.master.search import Search, find_search
from yarnml.master.training import Training, find_training
from yarnml.model import export
from yarnml.storage import atomic
from yarnml.watch.exporters import start as exporters
from yarnml.watch.history import pieces


def silent(event: Event) -> None:
    """Tell nobody."""


class Preflight(NamedTuple):
    """The facts about a job before any process of it starts.

    ``search``: as far as it has come; None for a job without one.
    ``training``: what is trained at last; None while it is still searched for.
    ``outcome``: of a job that has nothing left to do.
    ``made``: the folders that were made to see that they can be written, in the order in which they may be removed.
    """

    job: Job
    plan: Plan
    checkpoints: Checkpoints
    search: Search | None
    training: Training | None
    outcome: Outcome | None
    made: tuple[str, ...] = ()

    @property
    def shards(self) -> int:
        return self.training.shards if self.training else self.search.results.shards if self.search else self.job.shards

    @property
    def step(self) -> int | None:
        """The step of the checkpoint that the training goes on from."""
        manifest = self.training.manifest if self.training else None
        return manifest.position.step if manifest else None

    def withdraw(self) -> None:
        """Remove the folders that were made for this job, as far as nothing is in them."""
        atomic.withdraw(self.made)

    def discard(self) -> None:
        """Remove what the run has half-written, after a failure."""
        self.checkpoints.discard()
        self.withdraw()


def preflight(job: Job, lease: Lease | None = None, *, restart: bool = False, say: Listener = silent) -> Preflight:
    """Check everything that can be checked of a job file, its data and its folders.

    ``lease``: of the run that comes next; nobody else may lead the job.
    """
    plain = Checkpoints(str(job.checkpoint.path), job.checkpoint.keep)
    job, plan = _with_data(job, None if restart else plain)
    lease = lease or Lease(str(job.checkpoint.path))
    lease.check()
    earlier = outcomes.read(job)
    checkpoints = Checkpoints(str(job.checkpoint.path), job.checkpoint.keep, lease.confirm)
    if restart:
        checkpoints.clear()
        outcomes.forget(job)
        earlier = None
        search_results.forget(job)
        pieces.forget(str(job.checkpoint.path))
        exporters.forget(str(job.checkpoint.path))
    start = _position(job, plan, checkpoints, earlier, say)
    if start.outcome:
        return start
    start = start._replace(made=(*checkpoints.prepare(),))
    try:
        return start._replace(made=(*export.check_target(job.export_to), *start.made)) if job.export_to else start
    except YarnmlError:
        start.withdraw()
        raise


def look_ahead(job: Job) -> Preflight:
    """Find the facts about a job that somebody else may lead; nothing is written."""
    checkpoints = Checkpoints(str(job.checkpoint.path), job.checkpoint.keep)
    job, plan = _with_data(job, checkpoints)
    return _position(job, plan, checkpoints, outcomes.read(job), silent)


def overview(job: Job) -> Overview:
    """Look ahead at what a job will read and do, as far as it is known before it starts."""
    return overview_of_facts(look_ahead(job))


def overview_of_facts(start: Preflight) -> Overview:
    """The overview of a job by the facts about it."""
    trainings = start.search.results.trainings if start.search else 0
    done = start.outcome is not None
    return overview_of(start.job, start.plan, start.shards, start.step, trainings, is_done=done)


def _with_data(job: Job, checkpoints: Checkpoints | None) -> tuple[Job, Plan]:
    """The job with all that its data decide, and the plan of these.

    ``checkpoints``: that it goes on from; None where it begins anew.
    """

    def earlier(dataset: str) -> int | None:
        if checkpoints is None:
            return None
        manifest = checkpoints.newest(silent)
        results = search_results.read(job) if job.search and not manifest else None
        identity = manifest.identity if manifest else results.identity if results else {}
        return snapshot_in(identity, dataset)

    plan = make_plan(job, earlier)
    job = replace(job, data=plan.data or job.data)
    memory = size_in_bytes(job.workers.memory)
    if warning := warning_of(plan.datasets["train"], plan.schema.row_width, memory, job.shards):
        log(f"data.train: {warning}.")
        plan = replace(plan, remarks=[*plan.remarks, warning])
    plan = replace(plan, remarks=[*plan.remarks, *remarks_on(job)])
    job = with_length(job, plan.datasets["train"].rows)
    if job.start_from and job.data.follow:  # a batch may have fewer rows than the first training has shards
        shards = min(job.shards, plan.datasets["train"].rows)
        job = replace(job, training=replace(job.training, shards=shards))
    _check_metrics(job, plan)
    return job, plan


def _position(job: Job, plan: Plan, checkpoints: Checkpoints, earlier: Outcome | None, say: Listener) -> Preflight:
    """Find where a job stands by what its folder holds, and check that its data suffice for what is left.

    ``earlier``: the end of its last finished run.
    """
    search = find_search(job, plan) if job.search else None
    training = search.best_training(checkpoints, say) if search else find_training(job, plan, checkpoints, say)
    outcome = _finished(training.job, earlier) if training and training.manifest else None
    start = Preflight(job, plan, checkpoints, search, training, outcome)
    if not outcome:
        check_shards(plan, start.shards)
        for candidate in search.candidates if search else [job]:
            check_batch_rows(candidate, plan.datasets["train"].rows, start.shards)
    return start


def _check_metrics(job: Job, plan: Plan) -> None:
    """Refuse metrics that no evaluation of this job will have."""
    ranked = next(filter(of_groups, job.metrics), None)
    if ranked and not job.data.group:
        raise JobFileError(
            f"evaluation.metrics: {ranked} needs data.group, the column that tells groups of rows apart."
        )
    label = (job.learner.judged_as(plan.schema.task), len(plan.schema.classes or ()))
    if follow := job.data.follow:
        check_metric("data.follow.metric", follow.metric, *label)
    if rule := job.training.early_stopping:
        check_metric("training.early_stopping.metric", rule.metric, *label)
    if job.evaluation.threshold:
        check_metric("evaluation.threshold", job.evaluation.threshold, *label)
    for name in job.evaluation.metrics:
        check_metric("evaluation.metrics", name, *label, single=False)


def _finished(job: Job, outcome: Outcome | None) -> Outcome | None:
    """Return the outcome of an earlier run if it left nothing to do: no epochs, and the model where it shall be."""
    if outcome is None:
        return None
    has_more_epochs = job.training.last_epoch > outcome.epochs and not outcome.stopped_early
    target = job.export_to
    stored = without_password(outcome.export or "")  # without a password that the URL has
    folder = (
        next((url for url in export.folders(target) if without_password(url) == stored), None)
        if target
        else outcome.export
    )
    is_exported = target is None or folder is not None
    return replace(outcome, already=True, export=folder) if is_exported and not has_more_epochs else None
