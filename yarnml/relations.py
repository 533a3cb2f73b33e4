"""What a learner asks of the other sections of its job file."""

from collections.abc import Container

from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job import Job
from yarnml.learners.options import GeneralisedLinear, NaiveBayes


def with_usual(job: Job, given: Container[str]) -> Job:
    """The job with its learner's own defaults for the fields of ``training`` that the job file does not give."""
    passes = job.learner.passes
    usual = {"epochs": passes.usual, "batch_size": "full"} if passes else {}
    return replace(job, training=replace(job.training, **{n: v for n, v in usual.items() if n not in given}))


def check_learner(job: Job) -> None:
    """Refuse a label that is missing or of no use, and a training that the learner can't work with."""
    learner, data, training = job.learner, job.data, job.training
    kind = f"learner.kind {learner.kind}"
    if data.label is None:
        if learner.LABEL == "needed":
            raise JobFileError(f"{kind} needs data.label, the column to predict, which is missing.")
        spoken = [name for name in ("label_type", "classes") if getattr(data, name) not in ("auto", None)]
        if spoken:
            raise JobFileError(f"data.{spoken[0]} speaks of a label, but there is none; give data.label or remove it.")
    elif learner.LABEL == "none":
        raise JobFileError(f"{kind} learns without a label; remove data.label '{data.label}'.")
    if isinstance(learner, NaiveBayes) and learner.distribution == "multinomial" and data.scale != "none":
        raise JobFileError(
            "learner.distribution multinomial needs counts of 0 or more, which data.scale: standard does not leave; "
            "set data.scale: none."
        )
    if learner.passes is None:
        return
    if isinstance(learner, GeneralisedLinear):
        kind = f"learner.solver {learner.solver}"
    if training.batch_size != "full":
        raise JobFileError(
            f"{kind} learns from sums over all rows, so training.batch_size must be full, not {training.batch_size}."
        )
    if training.epochs < learner.passes.least:
        raise JobFileError(
            f"{kind} needs {learner.passes.least} passes over the data, but training.epochs is {training.epochs}."
        )
