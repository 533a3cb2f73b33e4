"""From a job file to a checked `Job`: parse once, refuse what is unknown, say where and what instead."""

import os
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from yarnml.errors import JobFileError
from yarnml.job import search_space, user_code
from yarnml.job.explain import check_keys, explain, show
from yarnml.job.learners import Custom
from yarnml.job.spec import Evaluation, Job
from yarnml.job.validate import check_data, check_learner, with_usual
from yarnml.storage import absolute


def load_job(source: str | Path | Mapping[str, Any], overrides: tuple[str, ...] = ()) -> Job:
    """Read a job file (or a mapping of the same form) and apply ``a.b=value`` overrides.

    Relative paths are taken from the job file's folder, for a mapping from the current one.
    Raises JobFileError with the field, what it must be and what was found.
    """
    if isinstance(source, Mapping):
        document, folder = dict(source), Path.cwd()
    else:
        document, folder = _parse(Path(source)), Path(source).resolve().parent
    for override in overrides:
        _override(document, override)
    learner = document.get("learner")
    if isinstance(learner, dict) and "path" in learner:
        document["learner"] = {"kind": "custom", **learner}
    _name_classes(document)
    job = _resolve(_checked(document, document.get("training") or {}), folder)
    if job.search:
        search_space.check(job)
        for values in search_space.drawn(job.search, job.training.seed):
            with_values(job, values)
    return job


def with_values(job: Job, values: Mapping[str, Any]) -> Job:
    """The job without its search, with these values in its fields, each by its path; JobFileError where they don't fit.

    Where it trains for as long as its learner usually does, so it does with another learner.  ``data.stratify`` stays
    where there is something else to split.
    """
    data = msgspec.structs.replace(job.data, stratify=job.data.stratify and job.data.validation is not None)
    document = msgspec.to_builtins(msgspec.structs.replace(job, search=None, data=data))
    passes, given = job.learner.passes, {*document["training"]}
    if passes and job.training.epochs == passes.usual and "training.epochs" not in values:
        given.discard("epochs")
    try:
        for name, value in values.items():
            _put(document, name, value)
        return _checked(document, given)
    except JobFileError as exc:
        raise JobFileError(f"search.over: {exc}") from exc


def _checked(document: dict[str, Any], given: Container[str]) -> Job:
    """The job of a document; ``given``: the fields of ``training`` that it says itself."""
    check_keys(document, Job, "")
    try:
        job = msgspec.convert(document, Job)
    except msgspec.ValidationError as exc:
        raise JobFileError(explain(str(exc), document)) from exc
    job = with_usual(job, given)
    check_learner(job)
    check_data(job)
    _check_relations(job)
    return job


def _name_classes(document: dict[str, Any]) -> None:
    """Class weights are given by the text of a class, also where the classes are numbers."""
    data = document.get("data")
    if isinstance(data, dict) and isinstance(weights := data.get("class_weights"), dict):
        document["data"] = {**data, "class_weights": {str(name): weight for name, weight in weights.items()}}


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers (1e-3 is a float) and no duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, yaml.Node] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else []:
            if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, key) is not key:
                line = key.start_mark.line + 1
                raise JobFileError(f"The key '{key.value}' is given twice, again in line {line}; remove one of them.")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def _yaml(text: str, what: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as exc:
        raise JobFileError(f"{what} is not valid YAML: {' '.join(str(exc).split())}") from exc


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise JobFileError(f"The job file {path} can't be read: {exc}.") from exc
    document = _yaml(text, f"The job file {path}")
    if not isinstance(document, dict):
        raise JobFileError(f"The job file {path} must hold 'field: value' lines, but holds {show(document)}.")
    return document


def _override(document: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not all(name.split(".")):
        raise JobFileError(f"--set needs field=value, such as workers.count=3, but got '{override}'.")
    value = _yaml(text, f"--set {name}: the value")
    try:
        _put(document, name, value)
    except JobFileError as exc:
        raise JobFileError(f"--set {exc}") from exc


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    """Set a field by its path; sections that are not there yet begin empty."""
    *sections, last = name.split(".")
    here = document
    for section in sections:
        inner = here.get(section)
        if section in here and not isinstance(inner, dict | None):
            raise JobFileError(f"{name}: {section} holds {show(inner)}, so nothing can be set inside it.")
        here[section] = here = dict(inner or {})
    here[last] = value


def _check_relations(job: Job) -> None:
    """What no single field can say."""
    workers = job.workers
    low, high = workers.min or 1, workers.max or max(workers.count, workers.min or 1)
    if not low <= workers.count <= high:
        raise JobFileError(
            f"workers.count must lie between workers.min ({low}) and workers.max ({high}), not {workers.count}."
        )
    _check_evaluation(job)
    environment = job.environment
    ways = [name for name in ("archive", "pex", "image") if getattr(environment, name)]
    if environment.python and environment.archive:
        ways.insert(0, "python")
    if len(ways) > 1:
        raise JobFileError(f"environment.{' and environment.'.join(ways)} both say where Python is; give one of them.")
    for name in environment.variables:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise JobFileError(f"environment.variables: '{name}' can't be a variable's name: letters, digits and '_'.")


def _check_evaluation(job: Job) -> None:
    """Refuse what asks for an evaluation where there is nothing to evaluate, and stopping between two of them."""
    rule, evaluation = job.training.early_stopping, job.evaluation
    asking = {"training.early_stopping": rule is not None, "evaluation.every": evaluation != Evaluation()}
    for field, asks in asking.items():
        if asks and job.data.validation is None and job.data.test is None:
            raise JobFileError(f"{field} needs data.validation (a fraction or a path) or data.test.")
    if rule and rule.patience < evaluation.period:
        raise JobFileError(
            f"training.early_stopping.patience counts epochs and must be at least those of evaluation.every "
            f"({evaluation.every}), not {rule.patience}."
        )


def _resolve(job: Job, folder: Path) -> Job:
    """Make every path of the job absolute, so that it means the same in every process."""

    def there(field: str, path: Any) -> Any:
        if isinstance(path, list):
            return [there(field, p) for p in path]
        try:
            return absolute(path, folder) if isinstance(path, str) else path
        except ValueError as exc:
            raise JobFileError(f"{field}: {exc}.") from exc

    replace = msgspec.structs.replace
    paths = {name: there(f"data.{name}", getattr(job.data, name)) for name in ("train", "test", "validation")}
    kept = there("checkpoint.path", job.checkpoint.path or os.path.join("yarnml-jobs", job.name))
    export, learner = job.export_to, job.learner
    if export:
        export = replace(export, path=there("export", export.path))
    if isinstance(learner, Custom):
        learner = replace(learner, path=there("learner.path", learner.path))
    given = {name: there(f"environment.{name}", getattr(job.environment, name)) for name in ("archive", "pex", "files")}
    given["files"] = [path if "://" in path else os.path.normpath(path) for path in given["files"]]
    user_code.check(given["files"], learner.file if isinstance(learner, Custom) else None)
    return replace(
        job,
        data=replace(job.data, **paths),
        checkpoint=replace(job.checkpoint, path=kept),
        export=export,
        learner=learner,
        environment=replace(job.environment, **given),
    )
