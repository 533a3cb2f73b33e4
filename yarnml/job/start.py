"""The field ``start_from``: a model or a checkpoint that a training begins with, instead of random parameters."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from yarnml.errors import JobFileError
from yarnml.job.fields import defaults
from yarnml.job.learners import Options

if TYPE_CHECKING:
    from yarnml.job.spec import Job


class Start(Struct, frozen=True):
    """An earlier training that a job begins with.

    ``folder``: of a version of a model, or of a checkpoint.
    ``digest``: of its model.json, or of its manifest, which hold those of the other files.
    """

    folder: str
    digest: str
    is_model: bool


def check_start(job: "Job") -> None:
    """Refuse a start for a learner that can begin from nothing, and for the trainings of a search."""
    if job.start_from is None:
        return
    if job.learner.STARTS_LIKE is None:
        raise JobFileError(
            f"start_from: learner.kind {job.learner.kind} finds its model anew in any case; remove start_from."
        )
    if job.search:
        raise JobFileError("start_from is for one training, and search makes several; remove one of them.")


def check_same_learner(learner: Options, earlier: Mapping[str, Any], folder: str) -> None:
    """Refuse a start from another learner; ``earlier``: its section of the job file."""
    if earlier.get("kind") != learner.kind:
        raise JobFileError(
            f"start_from: {folder} is of learner.kind {earlier.get('kind')}, so {learner.kind} can't begin with it."
        )
    now = msgspec.to_builtins(learner)
    older = defaults(learner) | dict(earlier)
    for name in learner.STARTS_LIKE or ():
        before = older[name]
        if now[name] != before:
            raise JobFileError(f"start_from: {folder} has learner.{name} {before}, not {now[name]}; give it so.")
