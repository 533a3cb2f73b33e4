"""The label of a job, or several: type and scale where ``data`` leaves them to the learner, and what goes with them."""

from typing import Literal

from yarnml.errors import JobFileError
from yarnml.job.metrics import named
from yarnml.job.spec import Job


def label_type(job: Job) -> Literal["auto", "class", "number"]:
    """``data.label_type``, or ``number`` where that is left open and the learner can predict nothing else."""
    data = job.data
    is_open = data.label_type == "auto" and data.label is not None and not data.classes
    return "number" if is_open and job.learner.PREDICTS == "number" else data.label_type


def label_scale(job: Job, is_number: bool) -> Literal["none", "standard", "log"]:
    """``data.label_scale``, or what is best for the learner where that is left open; ``none`` for what is no number.

    Raises JobFileError where classes shall be scaled.
    """
    given = job.data.label_scale
    if is_number:
        return job.learner.label_scale if given == "auto" else given
    if given in ("standard", "log"):
        raise JobFileError(
            f"data.label_scale {given} is for numbers to predict, but '{job.data.label}' holds classes; remove it, or "
            "set data.label_type: number."
        )
    return "none"


def check_labels(job: Job) -> None:
    """Refuse several labels where the learner predicts one, and fields that are about a single one."""
    data = job.data
    quantiles = job.learner.quantiles
    if quantiles != sorted(set(quantiles)):
        raise JobFileError(f"learner.quantile must list shares in ascending order, each once, not {quantiles}.")
    if quantiles and len(data.labels) > 1:
        raise JobFileError(
            f"learner.quantile lists several quantiles of one label, but data.label names {len(data.labels)}; give one "
            "quantile, or train a model for each label."
        )
    if len(set(data.labels)) < len(data.labels):
        raise JobFileError("data.label names a column twice; name each column once.")
    if len(data.labels) < 2:
        return
    if not job.learner.TAKES_LABELS:
        raise JobFileError(
            f"learner.kind {job.learner.kind} predicts one label, but data.label names {len(data.labels)}; train a "
            "model for each, or choose linear, logistic, mlp or forest."
        )
    if data.classes and len(data.classes) != 2:
        raise JobFileError("data.classes of several labels are two, without and with, such as [false, true].")
    fields: dict[str, object] = {
        **{f"{step.kind} of data.prepare": step.SEES_LABEL for step in data.prepare},
        "data.class_weights": data.class_weights,
        "data.stratify": data.stratify,
        "data.offset": data.offset,
        "data.exposure": data.exposure,
        "evaluation.threshold": job.evaluation.threshold,
        "evaluation.calibration": job.evaluation.calibration,
    }
    for name, value in fields.items():
        if value:
            raise JobFileError(f"{name} is for one label, but data.label names {len(data.labels)}; remove it.")


def check_label_scale(job: Job) -> None:
    """Refuse a scale of the label where the learner needs the label as it is."""
    scale = job.data.label_scale
    if scale in ("standard", "log") and not job.learner.TAKES_LABEL_SCALE:
        raise JobFileError(
            f"learner.kind {job.learner.kind} needs the label as it is; remove data.label_scale {scale}."
        )


def check_metrics_without_label(job: "Job") -> None:
    """Refuse a metric that a learner without a label is not judged by."""
    learner = job.learner
    known = ["loss", *learner.metrics_without_label]
    for name in named(job) if learner.label_use == "none" else ():
        if name not in known:
            raise JobFileError(f"learner.kind {learner.kind} is judged by {', '.join(known)}, not by {name}.")
