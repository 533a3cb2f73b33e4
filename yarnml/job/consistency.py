"""Checks of asynchronous jobs, and the words by which their users are told of them."""

from yarnml.errors import JobFileError
from yarnml.job.spec import Job

NO_EQUAL_BITS = (
    "training.consistency asynchronous: two runs of this job give different models, as sums are applied when they come"
)


def check_consistency(job: Job) -> None:
    """Refuse an asynchronous training without a table in parts, and a bound of what is never stale."""
    training = job.training
    if training.consistency == "synchronous":
        if training.staleness is not None:
            raise JobFileError(
                "training.staleness bounds how stale sums may get, and in synchronous training none is; set "
                "training.consistency: asynchronous, or remove it."
            )
        return
    kind = job.learner.kind
    if not job.learner.KEYS:
        raise JobFileError(
            f"training.consistency asynchronous is for learners with a table of keys, and learner.kind {kind} has "
            "none; choose sparse_linear or another one of these, or remove it."
        )
    if training.state != "sharded":
        raise JobFileError(
            "training.consistency asynchronous has the owners of a table apply sums when they come, and with "
            "training.state replicated there are none; set training.state: sharded."
        )
    if training.delay:
        raise JobFileError(
            "training.consistency asynchronous lets sums be as stale as they get, or by training.staleness; "
            "training.delay is for synchronous steps: remove it."
        )


def remarks_on(job: Job) -> list[str]:
    """Sentences for the user of a job about its model, before that is trained."""
    return [NO_EQUAL_BITS] if job.training.consistency == "asynchronous" else []
