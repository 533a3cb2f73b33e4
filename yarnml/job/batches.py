"""Checks of the batches of rows that a job asks for: by its own fields, and by the rows that there are."""

from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job.spec import Job, TopK

MIN_NORMALIZED_ROWS = 4
"""The fewest rows whose mean and variance batch normalisation takes."""


def with_sum_defaults(job: Job) -> Job:
    """The job with the share of gradients that travel, and without backup tasks where no other worker can make them.

    A copy of a late task would lack the residual of its shard, or ask for rows that their owner has updated by then.
    """
    training = job.training
    if training.gradients == "top_k":
        job = replace(job, training=replace(training, top_k=training.top_k or TopK()))
    if training.gradients == "top_k" or training.state == "sharded":
        job = replace(job, workers=replace(job.workers, backups=False))
    return job


def check_batches(job: Job) -> None:
    """Refuse fields for batches of rows where nothing is learnt of them, and batch normalisation without batches."""
    learner = job.learner
    training = job.training
    fields = {
        "micro_batch_size": training.micro_batch_size,
        f"gradients {training.gradients}": training.gradients != "float32",
        "local_steps": training.local_steps > 1,
        "delay": training.delay > 0 and not learner.KEYS,
    }
    for field in [name for name, is_given in fields.items() if is_given]:
        if learner.KEYS:
            raise JobFileError(
                f"training.{field} is for learners without a table of keys, which {learner.kind} has; remove it."
            )
        if not learner.uses_gradient_descent:
            raise JobFileError(
                f"training.{field} is for gradient descent, which learner.kind {learner.kind} does not use here; "
                "remove it."
            )
    if training.gradients != "float32" and training.batch_size == "full":
        raise JobFileError(
            f"training.gradients {training.gradients} is for steps that are batches of rows, since sums over all rows "
            "need more digits; make training.batch_size a number, not full, or remove it."
        )
    if training.top_k is not None and training.gradients != "top_k":
        raise JobFileError(
            f"training.top_k says how much of a gradient travels, but training.gradients is {training.gradients}; "
            "make it top_k, or remove training.top_k."
        )
    if training.outer is not None and training.local_steps == 1:
        raise JobFileError(
            "training.outer is the optimizer between local steps, so training.local_steps must be 2 or more; set it, "
            "or remove training.outer."
        )
    if training.local_steps > 1 and training.batch_size == "full":
        raise JobFileError(
            "training.local_steps are steps on batches of rows, so training.batch_size must be a number, not full."
        )
    if training.delay and training.batch_size == "full":
        raise JobFileError(
            "training.delay is between the steps of an epoch, and with training.batch_size full that is one step; make "
            "training.batch_size a number, or remove training.delay."
        )
    if not learner.normalizes_by_rows:
        return
    if training.batch_size == "full":
        raise JobFileError(
            "learner.normalization batch takes mean and variance of rows that are drawn at random, so "
            "training.batch_size must be a number, not full."
        )
    if training.micro_batch_size and training.micro_batch_size < MIN_NORMALIZED_ROWS:
        raise JobFileError(
            f"learner.normalization batch takes mean and variance of a micro-batch, so training.micro_batch_size "
            f"must be at least {MIN_NORMALIZED_ROWS}, not {training.micro_batch_size}."
        )


def check_batch_rows(job: Job, rows: int, shards: int) -> None:
    """Refuse batches that the training data is too small for.

    ``rows``: of the training data; ``shards``: that they are cut into.
    """
    _check_local_steps(job, rows)
    _check_normalization(job, shards)


def _check_local_steps(job: Job, rows: int) -> None:
    """Refuse local steps that would share the rows of less than a batch each: their rate is made for batches."""
    training = job.training
    step = training.rows_per_step
    if training.local_steps > 1 and step != "full" and step > rows:
        raise JobFileError(
            f"training.local_steps {training.local_steps} of training.batch_size {training.batch_size} take {step:,} "
            f"rows from one all-reduce to the next, but data.train has {rows:,}; lower one of the two."
        )


def _check_normalization(job: Job, shards: int) -> None:
    """Refuse batch normalisation where a shard's part of a step has too few rows for a mean and a variance."""
    size = job.training.batch_size
    least = MIN_NORMALIZED_ROWS * shards
    if job.learner.normalizes_by_rows and isinstance(size, int) and size < least:
        raise JobFileError(
            f"learner.normalization batch takes mean and variance of the rows of a shard at a step: with {shards} "
            f"shards training.batch_size must be at least {least}, not {size}; or set training.shards lower."
        )
