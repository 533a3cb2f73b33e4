"""One job from its first check to its outcome: check all that can be checked, open a crew, search, train.

The module is not called ``run``: a submodule of that name would hide the function `yarnml.run`.
"""

import importlib
from typing import Any, get_args

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.errors import Interrupted, JobFileError, YarnmlError
from yarnml.events.events import End, Event, Listener, Outcome, Planned
from yarnml.events.progress import progress_display
from yarnml.job import paths
from yarnml.job.fields import Backend
from yarnml.job.load import AnyJob, load_job
from yarnml.job.spec import Job
from yarnml.master import search_results
from yarnml.master.crew import Cluster, Crew
from yarnml.master.locality import Locality
from yarnml.master.preflight import Preflight, preflight, silent
from yarnml.master.recording import recorded
from yarnml.master.rounds import Rounds
from yarnml.master.rows_jobs import carry_out, check_rows_job
from yarnml.master.search import SearchRun
from yarnml.master.stats import TrainingStats
from yarnml.master.stream import check_stream, follow
from yarnml.master.training import Training
from yarnml.sparse.room import room

BACKENDS = {name: f"yarnml.clusters.{name}" for name in get_args(Backend)}
"""The backends of ``--backend``, and the module that has the ``CLUSTER`` of each."""


def find_cluster(backend: str) -> Cluster:
    """Return the cluster of a backend; its module is loaded only now, since inline brings JAX."""
    if backend not in BACKENDS:
        raise JobFileError(f"--backend must be one of {', '.join(BACKENDS)}, not '{backend}'.")
    cluster: Cluster = importlib.import_module(BACKENDS[backend]).CLUSTER
    return cluster


def run_any(job: AnyJob, backend: str = "local", *, restart: bool = False, say: Listener = silent) -> End:
    """Do a job of any kind here, as `run` does."""
    return lead(job, find_cluster(backend), restart=restart, say=say)


def lead(job: AnyJob, cluster: Cluster, *, restart: bool = False, say: Listener = silent) -> End:
    """Do a job of any kind on a cluster."""
    if isinstance(job, Job):
        return train(job, cluster, restart=restart, say=say)
    return carry_out(job, cluster, restart=restart, say=say)


def check(job: AnyJob, *, restart: bool = False) -> End | None:
    """Check all that can be checked of a job of any kind; its end, where it has nothing left to do."""
    if not isinstance(job, Job):
        return check_rows_job(job, restart=restart)
    if job.data.follow:
        return check_stream(job, restart=restart)
    start = preflight(job, restart=restart)
    start.withdraw()  # whoever leads the job makes them anew
    return start.outcome


def run_file(
    source: Any, backend: str = "local", *, restart: bool = False, progress: bool = False, say: Listener = silent
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


def run(job: Job, backend: str = "local", *, restart: bool = False, say: Listener = silent) -> Outcome:
    """Train a job to its end here, or go on where it stopped; returns how it ended.

    Raises a YarnmlError for everything that can go wrong; nothing half-written is left behind.
    """
    return train(job, find_cluster(backend), restart=restart, say=say)


def train(job: Job, cluster: Cluster, *, restart: bool = False, say: Listener = silent) -> Outcome:
    """Train a job to its end on a cluster, as `run` does."""
    if job.data.follow:
        return follow(job, cluster, restart=restart, say=say)
    stats = TrainingStats()
    lease = Lease(str(job.checkpoint.path))
    start = preflight(job, lease, restart=restart, say=say)
    if start.outcome:
        return start.outcome
    stats.mark("planned")
    rows = {name: dataset.rows for name, dataset in start.plan.datasets.items()}
    table_room = "" if cluster.name == "inline" else room(job)
    planned = Planned(job.name, cluster.name, rows, start.shards, cluster.workers(job), job.reducers.count, table_room)
    try:
        with storage.patience(), lease.held(), recorded(job, cluster, say) as record:
            record(planned)
            start.checkpoints.sweep()
            locality = Locality(start.plan.datasets["train"], start.shards)
            with cluster.open_crew(job, paths.logs(str(job.checkpoint.path)), record, locality) as crew:
                stats.mark("joined")
                training = _search(start, stats, crew, record) if start.search else start.training
                assert training  # the search is over
                outcome = Rounds(training, stats, crew, record).run()
            start.checkpoints.discard()  # of a folder that was given up while a worker still wrote into it
            record.add(outcome)
            return outcome
    except KeyboardInterrupt:
        start.discard()
        raise Interrupted(_kept(start)) from None
    except YarnmlError:
        start.discard()
        raise


def _search(start: Preflight, stats: TrainingStats, crew: Crew, say: Listener) -> Training | None:
    """Make the trainings of a job's search; returns the training of its best candidate."""
    assert start.search
    return (
        SearchRun(start.search, stats, crew, start.checkpoints.confirm, say).run().best_training(start.checkpoints, say)
    )


def _kept(start: Preflight) -> str:
    """Tell what a job that is stopped goes on from."""
    if start.search:
        results = search_results.read(start.job) or start.search.results
        kept = f"{results.done} of the {results.trainings} trainings of the search are done"
    elif (newest := start.checkpoints.newest_step()) is None:
        return "No checkpoint had been written yet, so the same command begins anew."
    else:
        kept = f"Step {newest} is kept"
    return f"{kept}. Run the same command again to continue."
