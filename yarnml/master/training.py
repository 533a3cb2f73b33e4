"""A training and the checkpoint that it goes on from: what is known before its first command."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from yarnml.checkpoint.fingerprint import find_resumable
from yarnml.checkpoint.manifest import Manifest
from yarnml.checkpoint.start import find_origin
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.inheritance import inherited
from yarnml.data.plan import Plan
from yarnml.events.events import Listener
from yarnml.job.spec import Job
from yarnml.job.start import Start


class Training(NamedTuple):
    """One training from its first step or a checkpoint on.

    ``manifest``: of the checkpoint that it goes on from, None where it begins anew.
    ``start``: the earlier training that its first state is made of.
    ``has_new_numbers``: whether rows have numbers that this one did not have.
    ``metrics``: known before it begins, by the data that they are of; they go into the outcome and the model.
    """

    job: Job
    plan: Plan
    checkpoints: Checkpoints
    manifest: Manifest | None
    metrics: Mapping[str, dict[str, float]] = MappingProxyType({})
    start: Start | None = None
    has_new_numbers: bool = False

    @property
    def shards(self) -> int:
        """The number of shards, which the first start of a job fixes: it decides the bits of the model."""
        return self.manifest.shards if self.manifest else self.job.shards


def find_training(job: Job, plan: Plan, checkpoints: Checkpoints, say: Listener) -> Training:
    """Find the newest checkpoint that a job goes on from, or else what it starts from.

    CheckpointError where the checkpoint belongs to another job, JobFileError where the job does not fit its start.
    """
    manifest = find_resumable(job, plan, checkpoints, say)
    if manifest or not job.start_from:
        return Training(job, plan, checkpoints, manifest, start=manifest.start if manifest else None)
    origin = find_origin(job.start_from, job.learner)
    schema = inherited(plan.schema, origin.schema, job.learner.axes)
    has_new = schema.features != origin.schema.features
    plan = msgspec.structs.replace(plan, schema=schema)
    return Training(job, plan, checkpoints, None, start=origin.start, has_new_numbers=has_new)
