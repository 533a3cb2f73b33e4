"""From a job file to a checked `Job`: parse once, refuse what is unknown, say where and what instead."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from yarnml.errors import JobFileError
from yarnml.job import search_space
from yarnml.job.base import check_processes
from yarnml.job.document import check_extent, parse, parse_file
from yarnml.job.explain import check_keys, explain, show
from yarnml.job.explanation import ModelExplanation
from yarnml.job.follow import check_follow
from yarnml.job.look import DataLook
from yarnml.job.model_evaluation import ModelEvaluation
from yarnml.job.monitor import check_monitor
from yarnml.job.places import absolute_environment, absolute_path, absolute_paths
from yarnml.job.prediction import Prediction
from yarnml.job.quantisation import check_quantised
from yarnml.job.rows_job import make_rows_job
from yarnml.job.spec import Evaluation, Job
from yarnml.job.validate import check_data, check_learner, with_learner_defaults

Source = str | Path | Mapping[str, Any]
"""A job file, or a mapping of the same form."""


AnyRowsJob = Prediction | ModelEvaluation | ModelExplanation | DataLook
"""A job of any kind that reads rows and writes one output."""

AnyJob = Job | AnyRowsJob
"""A job of any kind that has job files."""

_ROWS_JOBS: Mapping[str, type[AnyRowsJob]] = {
    kind.SECTION: kind for kind in (Prediction, ModelEvaluation, ModelExplanation, DataLook)
}
"""Jobs that read rows, by the section that no other job has."""


def load_any(source: Source, overrides: tuple[str, ...] = ()) -> AnyJob:
    """Read a job file of any kind, as `load_job` does: its sections tell the kind, and one without any trains."""
    document, folder = _overridden(source, overrides)
    kind = _rows_job(document)
    return make_rows_job(document, kind, folder) if kind else _make_job(document, folder)


def load_job(source: Source, overrides: tuple[str, ...] = ()) -> Job:
    """Read a job file and apply ``a.b=value`` overrides.

    Relative paths are taken from the job file's folder, for a mapping from the current one.
    Raises JobFileError with the field, what it must be and what was found.
    """
    document, folder = _overridden(source, overrides)
    if kind := _rows_job(document):
        raise JobFileError(f"This must be a job that trains, and by its section '{kind.SECTION}' it trains nothing.")
    return _make_job(document, folder)


def load_prediction(source: Source, overrides: tuple[str, ...] = ()) -> Prediction:
    """Read a job file that predicts, as `load_job` does."""
    document, folder = _overridden(source, overrides)
    return make_rows_job(document, Prediction, folder)


def decode_job(data: bytes) -> AnyJob:
    """Return a job that was encoded as JSON, of any kind."""
    kind: Any = _rows_job(msgspec.json.decode(data)) or Job
    job: AnyJob = msgspec.json.decode(data, type=kind)
    return job


def _rows_job(document: Mapping[str, Any]) -> type[AnyRowsJob] | None:
    """The kind of job that a section of a document asks for; None for a training."""
    return next((kind for section, kind in _ROWS_JOBS.items() if section in document), None)


def _overridden(source: Source, overrides: tuple[str, ...]) -> tuple[dict[str, Any], Path]:
    """Return the mapping of a job with its overrides, and the folder that its relative paths are taken from."""
    document, folder = _document(source)
    for override in overrides:
        _override(document, override)
    return document, folder


def _make_job(document: dict[str, Any], folder: Path) -> Job:
    learner = document.get("learner")
    if isinstance(learner, dict) and "path" in learner:
        document["learner"] = {"kind": "custom", **learner}
    _name_classes(document)
    job = _resolve(_checked(document), folder)
    check_extent(msgspec.to_builtins(job), "The job")  # paths have the bytes of the working folder by now
    if job.search:
        search_space.check(job)
        for values in search_space.draw_candidates(job.search, job.training.seed):
            with_values(job, values)
    return job


def _document(source: Any) -> tuple[dict[str, Any], Path]:
    """The mapping of a job, and the folder that its relative paths are taken from."""
    try:
        if isinstance(source, Mapping):
            check_extent(source, "The job")
            return dict(source), Path.cwd()
        if isinstance(source, str | os.PathLike):
            folder = Path(source).resolve().parent
            return parse_file(Path(source)), folder
    except FileNotFoundError as exc:
        raise JobFileError("The working folder is gone; change to one that exists.") from exc
    except (OSError, ValueError, RuntimeError) as exc:
        raise JobFileError(f"The job file {source} can't be read: {exc}.") from exc
    raise JobFileError(f"A job is a path, a mapping or a Job, not {show(source)}.")


def with_values(job: Job, values: Mapping[str, Any]) -> Job:
    """The job of one candidate: without its search, and with the candidate's values in its fields.

    ``values``: by the path of each field.  A job that trains for as many epochs as its learner usually does, also does
    so after the values changed the learner.  ``data.stratify`` stays where there are other rows to split.
    Raises JobFileError where the values don't fit.
    """
    data = msgspec.structs.replace(job.data, stratify=job.data.stratify and job.data.validation is not None)
    document = msgspec.to_builtins(msgspec.structs.replace(job, search=None, data=data))
    training = document["training"]
    if passes := job.learner.passes:
        del training["batch_size"]  # such a learner has no choice, but a candidate may
        if training["epochs"] == passes.usual:
            del training["epochs"]
    try:
        for name, value in values.items():
            _put(document, name, value)
        return _checked(document)
    except JobFileError as exc:
        raise JobFileError(f"search.over: {exc}") from exc


def _checked(document: dict[str, Any]) -> Job:
    """The job of a document, with all its sections checked, and its learner's defaults."""
    check_keys(document, Job, "")
    try:
        job = msgspec.convert(document, Job)
    except msgspec.ValidationError as exc:
        raise JobFileError(explain(str(exc), document)) from exc
    job = with_learner_defaults(job)
    check_learner(job)
    check_data(job)
    check_follow(job)
    check_quantised(job)
    check_processes(job)
    check_monitor(job.monitor)
    _check_evaluation(job)
    return job


def _name_classes(document: dict[str, Any]) -> None:
    """Turn the keys of class weights into text, also where the classes are numbers: YAML reads ``1:`` as a number."""
    data = document.get("data")
    if isinstance(data, dict) and isinstance(weights := data.get("class_weights"), dict):
        document["data"] = {**data, "class_weights": {str(name): weight for name, weight in weights.items()}}


def _override(document: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not all(name.split(".")):
        raise JobFileError(f"--set needs field=value, such as workers.count=3, but got '{override}'.")
    value = parse(text, f"--set {name}: the value")
    try:
        _put(document, name, value)
    except JobFileError as exc:
        raise JobFileError(f"--set {exc}") from exc


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    """Set a field of a document by its path; sections that the document lacks begin empty.

    Sections on the way are copied, since the document may share them with the caller's mapping.
    """
    *sections, last = name.split(".")
    mapping = document
    for section in sections:
        inner = mapping.get(section)
        if section in mapping and not isinstance(inner, dict | None):
            raise JobFileError(f"{name}: {section} holds {show(inner)}, so nothing can be set inside it.")
        mapping[section] = dict(inner or {})
        mapping = mapping[section]
    mapping[last] = value


def _check_evaluation(job: Job) -> None:
    """Refuse an evaluation without rows to evaluate on, and early stopping between two evaluations."""
    rule = job.training.early_stopping
    evaluation = job.evaluation
    asking = {"training.early_stopping": rule is not None}
    asking |= {
        "evaluation.every": evaluation.every != Evaluation().every,
        "evaluation.metrics": bool(evaluation.metrics),
    }
    for field, asks in asking.items():
        has_rows = (evaluation.training or job.data.follow) and field != "training.early_stopping"
        if asks and not has_rows and job.data.validation is None and job.data.test is None:
            raise JobFileError(f"{field} needs data.validation (a fraction or a path) or data.test.")
    for field in ("threshold", "calibration"):
        if getattr(evaluation, field) and (job.data.validation is None or job.data.label is None):
            raise JobFileError(f"evaluation.{field} needs data.validation (a fraction or a path) and data.label.")
    if evaluation.threshold and evaluation.calibration:
        raise JobFileError(
            "evaluation.threshold is of outputs as they are, and evaluation.calibration changes them; remove one."
        )
    if evaluation.calibration == "temperature" and job.learner.kind == "svm":
        raise JobFileError(
            "evaluation.calibration temperature is of probabilities, and the outputs of svm are none; take platt."
        )
    if rule and rule.patience < evaluation.period:
        raise JobFileError(
            f"training.early_stopping.patience counts epochs and must be at least those of evaluation.every "
            f"({evaluation.every}), not {rule.patience}."
        )


def _resolve(job: Job, folder: Path) -> Job:
    """Make every path of the job absolute, so that it means the same in every process."""
    replace = msgspec.structs.replace
    names = ("train", "test", "validation")
    rows: dict[str, Any] = {name: absolute_paths(f"data.{name}", getattr(job.data, name), folder) for name in names}
    if follow := job.data.follow:
        rows["follow"] = replace(follow, path=absolute_path("data.follow.path", follow.path, folder))
    job_folder = absolute_path("checkpoint.path", job.checkpoint.path or os.path.join("yarnml-jobs", job.name), folder)
    export = job.export_to
    if export:
        key = export.sign and absolute_path("export.sign", export.sign, folder)
        export = replace(export, path=absolute_path("export", export.path, folder), sign=key)
    start = job.start_from and absolute_path("start_from", job.start_from, folder)
    learner = job.learner.with_paths(partial(absolute_path, folder=folder))
    return replace(
        job,
        data=replace(job.data, **rows),
        checkpoint=replace(job.checkpoint, path=job_folder),
        export=export,
        learner=learner,
        start_from=start,
        environment=absolute_environment(job.environment, folder, learner.file),
    )
