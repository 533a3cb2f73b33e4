"""Run a job on a backend: check everything that can be checked first, then open the crew and let the rounds go."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from yarnml import export, outcomes, paths, storage
from yarnml.checkpoint import Checkpoints, Manifest
from yarnml.clusters.base import Cluster
from yarnml.errors import CheckpointError, Interrupted, JobFileError, YarnmlError
from yarnml.events import Event, Outcome, Planned
from yarnml.identity import changed, identity_of
from yarnml.job import Job
from yarnml.plan import Plan, check_shards, make_plan
from yarnml.relations import check_normalization
from yarnml.rounds import Rounds
from yarnml.spec import load_job
from yarnml.tally import Tally

Say = Callable[[Event], None]

BACKENDS = {"inline": "yarnml.clusters.inline", "local": "yarnml.clusters.local"}


def cluster(backend: str) -> Cluster:
    """The opener of a backend's crew.  Backends load when they are asked for: inline brings JAX, yarn brings Skein."""
    if backend not in BACKENDS:
        raise JobFileError(f"--backend must be one of {', '.join(BACKENDS)}, not '{backend}'.")
    opener: Cluster = importlib.import_module(BACKENDS[backend]).open_crew
    return opener


def _silent(event: Event) -> None:
    """Tell nobody."""


def run(job: Job, backend: str = "local", *, restart: bool = False, say: Say = _silent) -> Outcome:
    """Train a job to its end here, or go on where it stopped; returns how it ended.

    Raises a YarnmlError for everything that can go wrong; nothing half-written is left behind.
    """
    return train(job, backend, cluster(backend), restart=restart, say=say)


class Start(NamedTuple):
    """What is known of a job before any process of it starts.  ``outcome``: of a job that has nothing left to do."""

    plan: Plan
    checkpoints: Checkpoints
    manifest: Manifest | None
    outcome: Outcome | None


def preflight(job: Job, *, restart: bool = False, say: Say = _silent) -> Start:
    """Check everything that can be checked of a job file, its data and its folders."""
    plan = make_plan(job)
    checkpoints = Checkpoints(str(job.checkpoint.path), job.checkpoint.keep)
    if restart:
        checkpoints.clear()
        outcomes.forget(job)
    manifest = _continued(job, plan, checkpoints, say)
    if manifest and (before := _finished(job)):
        return Start(plan, checkpoints, manifest, before)
    shards = manifest.shards if manifest else job.shards
    check_shards(plan, shards)
    check_normalization(job, shards)
    checkpoints.prepare()
    if job.export_to:
        export.check_target(job.export_to)
    return Start(plan, checkpoints, manifest, None)


def train(job: Job, backend: str, open_crew: Cluster, *, restart: bool = False, say: Say = _silent) -> Outcome:
    """The same with a crew of whoever calls, who is named ``backend``."""
    tally = Tally()
    plan, checkpoints, manifest, before = preflight(job, restart=restart, say=say)
    if before:
        return before
    tally.mark("planned")
    rounds = Rounds(job, plan, checkpoints, manifest, tally)
    rows = {name: dataset.rows for name, dataset in plan.datasets.items()}
    workers = 1 if backend == "inline" else job.workers.count
    say(Planned(job.name, backend, rows, rounds.shards, workers, job.reducers.count))
    try:
        with storage.patience(), open_crew(job, paths.logs(str(job.checkpoint.path)), say) as crew:
            tally.mark("joined")
            outcome = rounds.run(crew, say)
    except KeyboardInterrupt:
        checkpoints.discard()
        newest = checkpoints.newest_step()
        kept = f"Step {newest} is kept" if newest is not None else "No checkpoint had been written yet"
        raise Interrupted(f"{kept}. Run the same command again to continue.") from None
    except YarnmlError:
        checkpoints.discard()
        raise
    return outcome


def _finished(job: Job) -> Outcome | None:
    """The outcome of an earlier run that has nothing left to do: as many epochs, and the model where it shall be."""
    outcome = outcomes.read(job)
    if outcome is None:
        return None
    more = job.training.epochs > outcome.epochs and not outcome.stopped_early
    to = job.export_to
    there = to is None or (outcome.export is not None and outcome.export in export.folders(to))
    return replace(outcome, already=True) if there and not more else None


def _continued(job: Job, plan: Plan, checkpoints: Checkpoints, say: Say) -> Manifest | None:
    """The checkpoint to go on from, the newest that is whole; CheckpointError names what is not as it was."""
    manifest = checkpoints.newest(say)
    if manifest is None:
        return None
    told = changed(manifest.identity, identity_of(job, plan))
    if job.training.shards not in (None, manifest.shards):
        told.append(f"training.shards ({manifest.shards} → {job.training.shards})")
    if told:
        raise CheckpointError(
            f"The checkpoint in {job.checkpoint.path} belongs to another job: {', '.join(told)} changed. "
            "Use --restart to begin anew, or another checkpoint.path to keep it."
        )
    return manifest


def run_file(source: Any, backend: str = "local", *, restart: bool = False, say: Say = _silent) -> Outcome:
    """The same from Python, for a job file, a mapping of the same form, or a `Job`.

    ``say`` is called with every event (`yarnml.events`); `yarnml.progress.Progress` is one that prints them.
    """
    job = source if isinstance(source, Job) else load_job(source)
    return run(job, backend, restart=restart, say=say)
