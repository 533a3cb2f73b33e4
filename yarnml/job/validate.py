"""Checks of what fields of different sections say together: learner and training, learner and data, data itself."""

import math
from datetime import datetime
from itertools import pairwise

from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job.batches import check_batches, with_sum_defaults
from yarnml.job.csv import check_csv
from yarnml.job.data import HoldOut
from yarnml.job.keys import check_keys, check_state
from yarnml.job.labels import check_label_scale, check_labels, check_metrics_without_label
from yarnml.job.patterns import check_patterns, is_open, is_pattern, named_features
from yarnml.job.prepare import (
    Bucket,
    Clip,
    Datetime,
    Impute,
    MinMax,
    Pieces,
    Robust,
    Step,
    Target,
    Text,
    Valued,
)
from yarnml.job.spec import Data, Job
from yarnml.job.start import check_start
from yarnml.job.where import parse_condition


def with_learner_defaults(job: Job) -> Job:
    """The job with its learner's own defaults for fields of ``training`` that are not given."""
    job = with_sum_defaults(job)
    training = job.training
    in_batches = isinstance(training.batch_size, int) or training.micro_batch_size
    in_batches = in_batches or training.local_steps > 1 or training.delay
    if in_batches or training.gradients != "float32":
        job = replace(job, learner=job.learner.in_batches())
    passes = job.learner.passes
    if passes is None:
        return job
    epochs = training.epochs or passes.usual
    return replace(job, training=replace(training, epochs=epochs, batch_size=training.batch_size or "full"))


def check_learner(job: Job) -> None:
    """Refuse a label that is missing or of no use, and data or a training that the learner can't work with."""
    _check_label(job)
    _check_offset(job)
    check_label_scale(job)
    check_labels(job)
    job.learner.check(job)
    check_start(job)
    _check_words(job)
    check_keys(job)
    check_state(job)
    check_batches(job)
    _check_passes(job)
    check_metrics_without_label(job)


def _check_label(job: Job) -> None:
    """Refuse a label that the learner needs or has no use for, and fields about a label that is not there."""
    learner = job.learner
    data = job.data
    if data.label is None:
        if learner.label_use == "needed":
            raise JobFileError(
                f"learner.kind {learner.kind} needs data.label, the column to predict, which is missing."
            )
        defaults = {
            "label_type": "auto",
            "classes": None,
            "class_weights": None,
            "stratify": False,
            "label_scale": "auto",
        }
        about_label = [name for name, default in defaults.items() if getattr(data, name) != default]
        if about_label:
            raise JobFileError(
                f"data.{about_label[0]} speaks of a label, but there is none; give data.label or remove it."
            )
    elif learner.label_use == "none":
        raise JobFileError(f"{learner.method} learns without a label; remove data.label '{data.label}'.")


def _check_offset(job: Job) -> None:
    """Refuse an offset for a learner that has no linear predictor to add it to, and two offsets."""
    data = job.data
    given = [name for name in ("offset", "exposure") if getattr(data, name) is not None]
    if given and not job.learner.TAKES_OFFSET:
        raise JobFileError(
            f"data.{given[0]} is added to one linear predictor, which learner.kind {job.learner.kind} has not; remove "
            "it, or choose boosting, or a generalised linear model such as poisson."
        )
    if len(given) > 1:
        raise JobFileError("data.exposure is an offset by its logarithm, beside data.offset; give one of them.")
    for name in given:
        if getattr(data, name) in data.labels:
            raise JobFileError(f"data.{name} must be another column than the label '{getattr(data, name)}'.")


def _check_words(job: Job) -> None:
    """Refuse ids of words for a learner that takes numbers, and numbers for one that takes ids of words."""
    learner = job.learner
    data = job.data
    kinds = {name: step.kind for step in data.prepare if step.ids for name in step.columns}
    if kinds and data.scale == "standard":
        raise JobFileError("data.scale: standard changes the ids that data.prepare makes; leave it out.")
    if kinds and learner.WORDS == "none":
        name, kind = next(iter(kinds.items()))
        raise JobFileError(
            f"learner.kind {learner.kind} takes numbers, but {kind} of data.prepare makes ids of column '{name}'; "
            "choose mlp, embedding_bag or transformer, or let one_hot or text make numbers of it."
        )
    plain = [] if is_open(data) else [name for name in named_features(data) if name not in kinds]
    if plain and (learner.WORDS == "only" or (learner.WORDS == "either" and kinds)):
        raise JobFileError(
            f"learner.kind {learner.kind} takes ids of words, and nothing makes them of column '{plain[0]}'; "
            "add tokens or hashed_tokens to data.prepare, or leave it out of data.features."
        )


def _check_passes(job: Job) -> None:
    """Refuse batches, and too few epochs, for a learner whose every update needs the sums over all rows."""
    learner = job.learner
    training = job.training
    if learner.passes is None:
        return
    if training.batch_size != "full":
        raise JobFileError(
            f"{learner.method} learns from sums over all rows, so training.batch_size must be full, not "
            f"{training.batch_size}."
        )
    if training.last_epoch < learner.passes.least:
        raise JobFileError(
            f"{learner.method} needs {learner.passes.least} epochs or more, but training.epochs is {training.epochs}."
        )


def check_data(job: Job) -> None:
    """Refuse columns in two roles, classes of a number, and steps for what is no feature."""
    data = job.data
    check_patterns(data)
    features = named_features(data)
    for label in data.labels:
        if label in features:
            raise JobFileError(f"data.features must not contain the label '{label}'.")
    if data.stratify and not isinstance(data.validation, float) and not (job.search and job.search.folds):
        raise JobFileError(
            "data.stratify needs data.validation, a fraction of the training rows to hold out, or search.folds."
        )
    if data.weight in data.labels:
        raise JobFileError(f"data.weight must be another column than the label '{data.weight}'.")
    if len(set(features)) < len(features):
        raise JobFileError("data.features names a column twice; name each column once.")
    if data.classes and len(set(data.classes)) < len(data.classes):
        raise JobFileError("data.classes names a class twice; name each class once.")
    if data.classes and data.label_type == "number":
        raise JobFileError("data.classes are for class labels; remove them, or set data.label_type: class.")
    if isinstance(data.validation, HoldOut):
        _check_hold_out(data.validation)
    if data.csv:
        check_csv(data.csv, "data.csv")
    if data.where is not None:
        parse_condition(data.where)
    _check_prepare(data)


def _check_hold_out(held: HoldOut) -> None:
    """Refuse rows to hold out that are named by halves, or in two ways."""
    by_time = (held.after is not None, held.by is not None)
    by_group = (held.fraction is not None, held.group is not None)
    if by_time + by_group not in ((True, True, False, False), (False, False, True, True)):
        raise JobFileError(
            "data.validation as a mapping is {after: 2026-01-31, by: day}, rows after a date, or {fraction: 0.2, "
            "group: customer}, whole groups of rows; give both fields of one of them."
        )


def _check_prepare(data: Data) -> None:
    """Refuse steps for columns that are no features, and what no single field of a step can say."""
    features = set(named_features(data))
    has_patterns = not isinstance(data.features, list) or any(map(is_pattern, features))
    for number, step in enumerate(data.prepare):
        field = f"data.prepare[{number}]"
        for name in step.columns:
            if name not in features and not has_patterns and not is_pattern(name):
                raise JobFileError(f"{field}.columns: '{name}' is none of data.features; name it there too.")
        if step.SEES_LABEL and data.label is None:
            raise JobFileError(f"{field}: {step.kind} learns from the label, and there is no data.label; give one.")
        if len(set(step.columns)) < len(step.columns):
            raise JobFileError(f"{field}.columns names a column twice; name each column once.")
        if contradiction := _contradiction(step):
            raise JobFileError(f"{field}.{contradiction}")


def _contradiction(step: Step) -> str | None:
    """The rest of the sentence about a step whose fields do not go together, its field first; None where they do."""
    if isinstance(step, Text) and step.ngrams[0] > step.ngrams[1]:
        return f"ngrams are the shortest and the longest run, so not {step.ngrams}."
    if isinstance(step, Impute) and isinstance(step.value, float) and not math.isfinite(step.value):
        return f"value must be a finite number, not {step.value}."
    if isinstance(step, Impute) and step.value is not None and step.strategy != "mean":
        return f"strategy {step.strategy} finds what fills the columns, and value says it; give one of them."
    if isinstance(step, Valued) and step.min_count > 1 and (step.unknown == "error" or step.values):
        return "min_count makes one value of rare and unknown ones, so it goes with neither unknown: error nor values."
    if isinstance(step, Target) and any((step.values, step.edges, step.fold_edges, step.classes)):
        return "values, edges, fold_edges and classes of target are what the training rows teach; remove them."
    if isinstance(step, Pieces) and (step.values or step.merges):
        return "values and merges of pieces are what the training rows teach; remove them."
    if isinstance(step, Clip) and not step.quantiles[0] < step.quantiles[1]:
        return f"quantiles must be two ascending shares, not {step.quantiles}."
    if isinstance(step, Datetime):
        return _contradiction_of_dates(step)
    edges = step.edges if isinstance(step, Bucket | Clip | MinMax | Robust) else None
    if edges is not None and not (edges and _ascending(edges)):
        return f"edges must be one finite number or more, ascending, not {edges}."
    values = getattr(step, "values", None) or []
    if len(set(values)) < len(values):
        return "values names a value twice; name each value once."
    return None


def _contradiction_of_dates(step: Datetime) -> str | None:
    if not step.parts and step.since is None:
        return "parts names no part, and since no date, so that nothing is left of the column."
    try:
        if step.since is not None:
            datetime.fromisoformat(step.since)
    except ValueError:
        return f"since must be a date such as '2026-01-31', not '{step.since}'."
    return None


def _ascending(numbers: list[float]) -> bool:
    return all(map(math.isfinite, numbers)) and all(low < high for low, high in pairwise(numbers))
