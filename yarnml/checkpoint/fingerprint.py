"""The identity of a job: all that decides the bits of its model, but for how long it trains."""

import hashlib
from typing import Any

import msgspec

from yarnml import storage
from yarnml.checkpoint.manifest import Manifest
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.plan import Plan
from yarnml.errors import CheckpointError
from yarnml.events.events import Listener
from yarnml.job import user_code
from yarnml.job.fields import defaults
from yarnml.job.spec import Job

Identity = dict[str, Any]
"""A field of the job file, or the thing that it names → a value that JSON gives back unchanged."""

_DATA = (
    "features",
    "label",
    "label_type",
    "classes",
    "weight",
    "offset",
    "exposure",
    "shape",
    "scale",
    "label_scale",
    "prepare",
    "class_weights",
    "stratify",
)
_TRAINING = (
    "seed",
    "batch_size",
    "micro_batch_size",
    "gradients",
    "top_k",
    "consistency",
    "delay",
    "local_steps",
    "outer",
    "shuffle_rows",
)


SNAPSHOT = "the version of data."


def snapshot_in(identity: Identity, dataset: str) -> int | None:
    """The version of a dataset's table that the job of an identity has read; None where it read none."""
    version = identity.get(f"{SNAPSHOT}{dataset}")
    return version if isinstance(version, int) else None


def fingerprint_of(job: Job, plan: Plan) -> Identity:
    """Return the identity of a job on its data.

    ``workers.vcores`` belongs to it, since XLA's order of additions depends on the number of threads.
    """
    identity = {f"learner.{name}": value for name, value in msgspec.to_builtins(job.learner, str_keys=True).items()}
    if job.learner.file:
        identity["learner.path"] = str(identity["learner.path"]).rpartition("/")[2]
        identity["the code in learner.path"] = _digest(user_code.locate(job.learner.file))
    if job.environment.files:
        identity["the code in environment.files"] = user_code.digest(job.environment.files)
    identity |= {f"data.{name}": msgspec.to_builtins(getattr(job.data, name)) for name in _DATA}
    for step in identity["data.prepare"]:
        if not step.get("crosses", True):
            del step["crosses"]  # key steps of earlier versions had none
    if job.data.types:
        identity["data.types"] = job.data.types
    identity |= {f"training.{name}": msgspec.to_builtins(getattr(job.training, name)) for name in _TRAINING}
    identity |= {f"the rows of data.{n}": d.fingerprint for n, d in plan.datasets.items() if n != "test"}
    versions = {n: d.snapshot for n, d in plan.datasets.items() if n != "test"}
    identity |= {f"{SNAPSHOT}{n}": version for n, version in versions.items() if version is not None}
    identity["start_from"] = job.start_from
    return identity | {"workers.vcores": job.workers.vcores}


def changed(old: Identity, new: Identity) -> list[str]:
    """Name the differences between the job that wrote a checkpoint and the one that would continue it, in words."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [n if n.startswith("the ") else f"{n} ({old.get(n)} → {new.get(n)})" for n in names]


def find_resumable(job: Job, plan: Plan, checkpoints: Checkpoints, say: Listener) -> Manifest | None:
    """Return the checkpoint to go on from, the newest that is whole; CheckpointError names what is not as it was."""
    manifest = checkpoints.newest(say)
    if manifest is not None:
        check_same_job(job, manifest.identity, fingerprint_of(job, plan), manifest.shards, "checkpoint")
    return manifest


def check_same_job(job: Job, before: Identity, now: Identity, shards: int, what: str) -> None:
    """Raise CheckpointError where the content of a job's folder was written by another job.

    ``shards``: into which the data was cut when it was written.
    ``what``: the content, for the sentence.
    """
    newer = {name: default for name, default in _usual(job).items() if name in now}
    differences = changed({**newer, **before}, now)
    if job.training.shards not in (None, shards):
        differences.append(f"training.shards ({shards} → {job.training.shards})")
    if differences:
        raise CheckpointError(
            f"The {what} in {job.checkpoint.path} belongs to another job: {', '.join(differences)} changed. "
            "Use --restart to begin anew, or another checkpoint.path to keep it."
        )


def _usual(job: Job) -> Identity:
    """Fields of the learner and the training at their defaults, which those have that are newer than an identity."""
    learner = {f"learner.{name}": value for name, value in defaults(job.learner).items()}
    training = {f"training.{name}": value for name, value in defaults(job.training).items() if name in _TRAINING}
    return learner | training


def _digest(path: str) -> str:
    """Return the SHA-256 of a file; empty where it can't be read, which the learner will say better."""
    try:
        return hashlib.sha256(storage.read(path)).hexdigest()
    except (OSError, ValueError):
        return ""
