"""Run a job on a backend: check everything that can be checked first, then open the crew and let the rounds go."""

import importlib
from typing import Any, NamedTuple

from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint import outcomes
from yarnml.checkpoint.fingerprint import find_resumable
from yarnml.checkpoint.store import Checkpoints, Manifest
from yarnml.data.plan import Plan, check_shards, make_plan, with_learner
from yarnml.errors import CheckpointError, Interrupted, JobFileError, YarnmlError
from yarnml.events.events import Event, Listener, Outcome, Planned
from yarnml.job import paths
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.job.validate import check_normalization
from yarnml.master import search_results
from yarnml.master.crew import Cluster
from yarnml.master.locality import Locality
from yarnml.master.rounds import Rounds
from yarnml.master.search import SearchRun, candidate_job
from yarnml.master.search_results import Results
from yarnml.master.stats import TrainingStats
from yarnml.model import export

BACKENDS = {"inline": "yarnml.clusters.inline", "local": "yarnml.clusters.local"}


def cluster(backend: str) -> Cluster:
    """Return the cluster of a backend, which is loaded only when it is asked for: inline brings JAX."""
    if backend not in BACKENDS:
        raise JobFileError(f"--backend must be one of {', '.join(BACKENDS)}, not '{backend}'.")
    found: Cluster = importlib.import_module(BACKENDS[backend]).CLUSTER
    return found


def _silent(event: Event) -> None:
    """Tell nobody."""


def run(job: Job, backend: str = "local", *, restart: bool = False, say: Listener = _silent) -> Outcome:
    """Train a job to its end here, or go on where it stopped; returns how it ended.

    Raises a YarnmlError for everything that can go wrong; nothing half-written is left behind.
    """
    return train(job, cluster(backend), restart=restart, say=say)


class Start(NamedTuple):
    """What is known of a job before any process of it starts.

    ``search``: what the job's search has found so far; ``job``: what is left to train then, once the search is over
    its best candidate.  ``outcome``: of a job that has nothing left to do.
    """

    job: Job
    plan: Plan
    checkpoints: Checkpoints
    manifest: Manifest | None
    outcome: Outcome | None
    search: Results | None = None

    @property
    def shards(self) -> int:
        return self.manifest.shards if self.manifest else self.search.shards if self.search else self.job.shards

    @property
    def judged(self) -> dict[str, dict[str, float]]:
        """How the best candidate did in the cross-validation, if there was one."""
        found = self.search
        if found is None or found.best is None or found.folds == 1:
            return {}
        return {"folds": found.candidates[found.best].means}


def preflight(job: Job, *, restart: bool = False, say: Listener = _silent) -> Start:
    """Check everything that can be checked of a job file, its data and its folders."""
    plan = make_plan(job)
    checkpoints = Checkpoints(str(job.checkpoint.path), job.checkpoint.keep)
    if restart:
        checkpoints.clear()
        outcomes.forget(job)
        search_results.forget(job)
    found = search_results.look(job, plan) if job.search else None
    start = Start(job, plan, checkpoints, None, None, found)
    if found is None or found.best is not None:
        start = _chosen(start, say)
    elif checkpoints.newest_step() is not None:
        raise CheckpointError(
            f"checkpoint.path {job.checkpoint.path} has checkpoints of a job without this search. "
            "Use --restart to begin anew, or another checkpoint.path to keep them."
        )
    if not start.outcome:
        check_shards(plan, start.shards)
        for each in [candidate_job(job, found, n) for n in range(len(found.candidates))] if found else [job]:
            check_normalization(each, start.shards)
        checkpoints.prepare()
        if job.export_to:
            export.check_target(job.export_to)
    return start


def _chosen(start: Start, say: Listener) -> Start:
    """What is to be trained at last, and from where on."""
    job, plan, found = start.job, start.plan, start.search
    if found and found.best is not None:
        job = candidate_job(job, found, found.best)
        plan = with_learner(plan, job.learner)
    manifest = find_resumable(job, plan, start.checkpoints, say)
    return start._replace(job=job, plan=plan, manifest=manifest, outcome=_finished(job) if manifest else None)


def train(job: Job, cluster: Cluster, *, restart: bool = False, say: Listener = _silent) -> Outcome:
    """Train a job to its end on a cluster, as `run` does."""
    stats = TrainingStats()
    start = preflight(job, restart=restart, say=say)
    if start.outcome:
        return start.outcome
    stats.mark("planned")
    rows = {name: dataset.rows for name, dataset in start.plan.datasets.items()}
    say(Planned(job.name, cluster.name, rows, start.shards, cluster.workers(job), job.reducers.count))
    try:
        with storage.patience(), cluster.open_crew(job, paths.logs(str(job.checkpoint.path)), say) as crew:
            stats.mark("joined")
            crew.prefer(Locality(start.plan.datasets["train"], start.shards))
            if start.job.search and start.search:
                found, plan = SearchRun(job, start.plan, start.search, stats).run(crew, say)
                start = _chosen(start._replace(search=found, plan=plan), say)
            rounds = Rounds(start.job, start.plan, start.checkpoints, start.manifest, stats, start.judged)
            return rounds.run(crew, say)
    except KeyboardInterrupt:
        start.checkpoints.discard()
        raise Interrupted(f"{_kept(start)}. Run the same command again to continue.") from None
    except YarnmlError:
        start.checkpoints.discard()
        raise


def _kept(start: Start) -> str:
    """What a job that is stopped goes on from."""
    if start.job.search:
        found = search_results.look(start.job, start.plan)
        return f"{found.done} of the {found.trainings} trainings of the search are done"
    newest = start.checkpoints.newest_step()
    return f"Step {newest} is kept" if newest is not None else "No checkpoint had been written yet"


def _finished(job: Job) -> Outcome | None:
    """The outcome of an earlier run that has nothing left to do: as many epochs, and the model where it shall be."""
    outcome = outcomes.read(job)
    if outcome is None:
        return None
    more = job.training.epochs > outcome.epochs and not outcome.stopped_early
    to = job.export_to
    there = to is None or (outcome.export is not None and outcome.export in export.folders(to))
    return replace(outcome, already=True) if there and not more else None


def run_file(source: Any, backend: str = "local", *, restart: bool = False, say: Listener = _silent) -> Outcome:
    """The same from Python, for a job file, a mapping of the same form, or a `Job`.

    ``say`` is called with every event (`yarnml.events.events`); `yarnml.events.console.JobConsole` prints them.
    """
    job = source if isinstance(source, Job) else load_job(source)
    return run(job, backend, restart=restart, say=say)
