"""Optimizers that update a number by nothing but its own past, so that every owner can update its part of a model."""

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from yarnml.errors import JobFileError
from yarnml.job.learners.base import GradientOptions, LearnerOptions

if TYPE_CHECKING:
    from yarnml.job.spec import Job

ELEMENT_WISE = frozenset(
    [
        "adabelief",
        "adadelta",
        "adagrad",
        "adam",
        "adamax",
        "adamaxw",
        "adamw",
        "amsgrad",
        "lion",
        "nadam",
        "nadamw",
        "optimistic_gradient_descent",
        "radam",
        "rmsprop",
        "sgd",
        "sign_sgd",
        "yogi",
    ]
)
"""Names of optax's optimizers."""


class ElementWise(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="element_wise"):
    """The rule by which the parameters of a model without keys are updated.

    ``optimizer``: one of `ELEMENT_WISE` with its arguments, as the job file has it.
    ``l2``: the strength of the penalty, for rows that have one.
    """

    optimizer: dict[str, Any]
    l2: float = 0.0


def is_element_wise(learner: LearnerOptions) -> bool:
    """Tell whether the state of a learner without keys can be cut into parts."""
    if not isinstance(learner, GradientOptions) or _optimizer(learner) not in ELEMENT_WISE:
        return False
    return not any(_joint_fields(learner).values())


def _optimizer(learner: GradientOptions) -> str:
    return str(learner.optimizer.get("kind", "adam"))


def _joint_fields(learner: GradientOptions) -> dict[str, bool]:
    """Fields by which an update hangs on more than a number and its own past, and whether each is given."""
    return {
        "learner.clip_norm": learner.clip_norm is not None,
        "learner.freeze": bool(learner.freeze),
        "learner.rate_factors": bool(learner.rate_factors),
    }


def check_element_wise(job: "Job") -> None:
    """Refuse what keeps the state of a model without keys from being cut into parts."""
    learner = job.learner
    training = job.training
    if not isinstance(learner, GradientOptions):
        raise JobFileError(
            f"training.state sharded cuts a table, or a network or factorization, into parts; learner.kind "
            f"{learner.kind} has none of these: remove it."
        )
    kind = _optimizer(learner)
    if kind not in ELEMENT_WISE:
        raise JobFileError(
            f"training.state sharded needs an optimizer that updates each number by itself, which {kind} does not: "
            f"choose one of {', '.join(sorted(ELEMENT_WISE))}, or remove training.state."
        )
    fields = _joint_fields(learner) | {
        "training.batch_size full": training.batch_size == "full",
        f"training.gradients {training.gradients}": training.gradients != "float32",
        "training.local_steps": training.local_steps > 1,
        "checkpoint.full_every where the learner has no keys": job.checkpoint.full_every > 1,
        "workers.gpus where the learner has no keys": job.workers.gpus > 0,
    }
    for field in [name for name, is_given in fields.items() if is_given]:
        raise JobFileError(f"training.state sharded does not go with {field}; remove one of the two.")
