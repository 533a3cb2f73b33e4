"""One job from its first check to its outcome: check all that can be checked, open a crew, search, train.

The module is not called ``run``: a submodule of that name would hide the function `yarnml.run`.
"""

import importlib
from typing import Any, NamedTuple

from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint import outcomes
from yarnml.checkpoint.lease import Lease
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.plan import Plan, check_shards, make_plan
from yarnml.errors import Interrupted, JobFileError, YarnmlError
from yarnml.events.events import End, Event, Listener, Outcome, Planned
from yarnml.events.progress import progress_display
from yarnml.events.redaction import without_password
from yarnml.job import paths
from yarnml.job.batches import check_batch_rows
from yarnml.job.length import with_length
from yarnml.job.load import load_job
from yarnml.job.metrics import check_metric, of_groups
from yarnml.job.prediction import Prediction
from yarnml.job.spec import Job
from yarnml.master import search_results
from yarnml.master.crew import Cluster, Crew
from yarnml.master.locality import Locality
from yarnml.master.prediction import check_prediction, predict
from yarnml.master.recording import recorded
from yarnml.master.rounds import Rounds
from yarnml.master.search import Search, SearchRun, find_search
from yarnml.master.stats import TrainingStats
from yarnml.master.training import Training, find_training
from yarnml.model import export
from yarnml.watch.exporters import start as exporters
from yarnml.watch.history import pieces

BACKENDS = {"inline": "yarnml.clusters.inline", "local": "yarnml.clusters.local"}
"""The backends of ``--backend``, and the module that has the ``CLUSTER`` of each."""


def find_cluster(backend: str) -> Cluster:
    """Return the cluster of a backend; its module is loaded only now, since inline brings JAX."""
    if backend not in BACKENDS:
        raise JobFileError(f"--backend must be one of {', '.join(BACKENDS)}, not '{backend}'.")
    cluster: Cluster = importlib.import_module(BACKENDS[backend]).CLUSTER
    return cluster


def _silent(event: Event) -> None:
    """Tell nobody."""


def run_any(job: Job | Prediction, backend: str = "local", *, restart: bool = False, say: Listener = _silent) -> End:
    """Do a job of either kind here, as `run` does."""
    return lead(job, find_cluster(backend), restart=restart, say=say)


def lead(job: Job | Prediction, cluster: Cluster, *, restart: bool = False, say: Listener = _silent) -> End:
    """Do a job of either kind on a cluster: train, or predict."""
    if isinstance(job, Prediction):
        return predict(job, cluster, restart=restart, say=say)
    return train(job, cluster, restart=restart, say=say)


def check(job: Job | Prediction, *, restart: bool = False) -> End | None:
    """Check all that can be checked of a job of either kind; its end, where it has nothing left to do."""
    return (
        check_prediction(job, restart=restart)
        if isinstance(job, Prediction)
        else preflight(job, restart=restart).outcome
    )


def run_file(
    source: Any, backend: str = "local", *, restart: bool = False, progress: bool = False, say: Listener = _silent
) -> Outcome:
    """Train the job of a job file, of a mapping of the same form, or of a `Job`, and return its outcome.

    ``progress``: whether one line shows how far it is, in a notebook or a terminal.
    ``say`` is called with every event (`yarnml.events.events`); `yarnml.events.console.JobConsole` prints them.
    """
    job = source if isinstance(source, Job) else load_job(source)
    if not progress:
        return run(job, backend, restart=restart, say=say)
    with progress_display() as show:

        def tell(event: Event) -> None:
            show(event)
            say(event)

        outcome = run(job, backend, restart=restart, say=tell)
        show(outcome)
        return outcome


def run(job: Job, backend: str = "local", *, restart: bool = False, say: Listener = _silent) -> Outcome:
    """Train a job to its end here, or go on where it stopped; returns how it ended.

    Raises a YarnmlError for everything that can go wrong; nothing half-written is left behind.
    """
    return train(job, find_cluster(backend), restart=restart, say=say)


def train(job: Job, cluster: Cluster, *, restart: bool = False, say: Listener = _silent) -> Outcome:
    """Train a job to its end on a cluster, as `run` does."""
    stats = TrainingStats()
    lease = Lease(str(job.checkpoint.path))
    start = preflight(job, lease, restart=restart, say=say)
    if start.outcome:
        return start.outcome
    stats.mark("planned")
    rows = {name: dataset.rows for name, dataset in start.plan.datasets.items()}
    planned = Planned(job.name, cluster.name, rows, start.shards, cluster.workers(job), job.reducers.count)
    try:
        with storage.patience(), lease.held(), recorded(job, cluster.name, cluster.host, say) as record:
            record(planned)
            start.checkpoints.sweep()
            locality = Locality(start.plan.datasets["train"], start.shards)
            with cluster.open_crew(job, paths.logs(str(job.checkpoint.path)), record, locality) as crew:
                stats.mark("joined")
                training = _search(start, stats, crew, record) if start.search else start.training
                assert training  # the search is over
                outcome = Rounds(training, stats, crew, record).run()
            record.add(outcome)
            return outcome
    except KeyboardInterrupt:
        start.checkpoints.discard()
        raise Interrupted(f"{_kept(start)}. Run the same command again to continue.") from None
    except YarnmlError:
        start.checkpoints.discard()
        raise


def _search(start: "Preflight", stats: TrainingStats, crew: Crew, say: Listener) -> Training | None:
    """Make the trainings of a job's search; returns the training of its best candidate."""
    assert start.search
    return (
        SearchRun(start.search, stats, crew, start.checkpoints.confirm, say).run().best_training(start.checkpoints, say)
    )


class Preflight(NamedTuple):
    """The facts about a job before any process of it starts.

    ``search``: as far as it has come; None for a job without one.
    ``training``: what is trained at last; None while it is still searched for.
    ``outcome``: of a job that has nothing left to do.
    """

    job: Job
    plan: Plan
    checkpoints: Checkpoints
    search: Search | None
    training: Training | None
    outcome: Outcome | None

    @property
    def shards(self) -> int:
        return self.training.shards if self.training else self.search.results.shards if self.search else self.job.shards

    @property
    def step(self) -> int | None:
        """The step of the checkpoint that the training goes on from."""
        manifest = self.training.manifest if self.training else None
        return manifest.position.step if manifest else None


def preflight(job: Job, lease: Lease | None = None, *, restart: bool = False, say: Listener = _silent) -> Preflight:
    """Check everything that can be checked of a job file, its data and its folders.

    ``lease``: of the run that comes next; nobody else may lead the job.
    """
    plan = make_plan(job)
    job = replace(job, data=plan.data or job.data)
    job = with_length(job, plan.datasets["train"].rows)
    _check_metrics(job, plan)
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
    search = find_search(job, plan) if job.search else None
    training = search.best_training(checkpoints, say) if search else find_training(job, plan, checkpoints, say)
    outcome = _finished(training.job, earlier) if training and training.manifest else None
    start = Preflight(job, plan, checkpoints, search, training, outcome)
    if not outcome:
        check_shards(plan, start.shards)
        for candidate in search.candidates if search else [job]:
            check_batch_rows(candidate, plan.datasets["train"].rows, start.shards)
        checkpoints.prepare()
        if job.export_to:
            export.check_target(job.export_to)
    return start


def _check_metrics(job: Job, plan: Plan) -> None:
    """Refuse metrics that no evaluation of this job will have."""
    ranked = next(filter(of_groups, job.metrics), None)
    if ranked and not job.data.group:
        raise JobFileError(
            f"evaluation.metrics: {ranked} needs data.group, the column that tells groups of rows apart."
        )
    label = (plan.schema.label_type, len(plan.schema.classes or ()))
    if rule := job.training.early_stopping:
        check_metric("training.early_stopping.metric", rule.metric, *label)
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


def _kept(start: Preflight) -> str:
    """Tell what a job that is stopped goes on from."""
    if start.search:
        results = search_results.read(start.job) or start.search.results
        return f"{results.done} of the {results.trainings} trainings of the search are done"
    newest = start.checkpoints.newest_step()
    return f"Step {newest} is kept" if newest is not None else "No checkpoint had been written yet"
