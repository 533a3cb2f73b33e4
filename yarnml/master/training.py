"""A training and the checkpoint that it goes on from: what is known before its first command."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from yarnml.checkpoint.fingerprint import find_resumable
from yarnml.checkpoint.store import Checkpoints, Manifest
from yarnml.data.plan import Plan
from yarnml.events.events import Listener
from yarnml.job.spec import Job


class Training(NamedTuple):
    """One training from its first step or a checkpoint on.

    ``manifest``: of the checkpoint that it goes on from, None where it begins anew.
    ``metrics``: known before it begins, by the data that they are of; they go into the outcome and the model.
    """

    job: Job
    plan: Plan
    checkpoints: Checkpoints
    manifest: Manifest | None
    metrics: Mapping[str, dict[str, float]] = MappingProxyType({})

    @property
    def shards(self) -> int:
        """The number of shards, which the first start of a job fixes: it decides the bits of the model."""
        return self.manifest.shards if self.manifest else self.job.shards


def find_training(job: Job, plan: Plan, checkpoints: Checkpoints, say: Listener) -> Training:
    """Find the newest checkpoint that a job goes on from; CheckpointError where it belongs to another job."""
    return Training(job, plan, checkpoints, find_resumable(job, plan, checkpoints, say))
