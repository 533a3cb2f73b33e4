"""From a job file to a checked `Job`: parse once, refuse what is unknown, say where and what instead."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from yarnml.errors import JobFileError
from yarnml.job import Job
from yarnml.learners.options import Options
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
    _check_keys(document, Job, "")
    try:
        job = msgspec.convert(document, Job)
    except msgspec.ValidationError as exc:
        raise JobFileError(_explain(str(exc), document)) from exc
    _check_relations(job)
    return _resolve(job, folder)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers (1e-3 is a float) and no duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise JobFileError(f"The job file has the key '{key}' twice{node.start_mark}; remove one of them.")
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
        raise JobFileError(f"The job file {path} must hold 'field: value' lines, but holds {_show(document)}.")
    return document


def _override(document: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not all(name.split(".")):
        raise JobFileError(f"--set needs field=value, such as workers.count=3, but got '{override}'.")
    *sections, last = name.split(".")
    here = document
    for section in sections:
        inner = here.get(section)
        if section in here and not isinstance(inner, dict | None):
            raise JobFileError(f"--set {name}: {section} holds {_show(inner)}, so nothing can be set inside it.")
        here[section] = here = dict(inner or {})
    here[last] = _yaml(text, f"--set {name}: the value")


def _check_keys(value: Any, kind: Any, path: str) -> None:
    """Refuse unknown keys at any depth, listing the valid ones (msgspec would name only the first unknown one)."""
    if not isinstance(value, dict):
        return
    struct = _struct_for(value, kind, path)
    if struct is None:
        return
    fields = {f.encode_name: f for f in msgspec.structs.fields(struct)}
    tag = struct.__struct_config__.tag_field
    valid = [*([tag] if tag else []), *fields]
    for key in value:
        if key not in valid:
            near = difflib.get_close_matches(str(key), valid, 1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            where = f"{path or 'the job file'} has"
            raise JobFileError(f"{where} an unknown key '{key}'; {hint}Valid keys: {', '.join(valid)}.")
        if key in fields:
            _check_keys(value[key], fields[key].type, f"{path}.{key}" if path else key)


def _struct_for(value: dict[str, Any], kind: Any, path: str) -> type[msgspec.Struct] | None:
    structs = [t for t in (kind, *get_args(kind)) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
    if kind == Options:
        kinds = {str(t.__struct_config__.tag): t for t in structs}
        if value.get("kind") not in kinds:
            found = _show(value["kind"]) if "kind" in value else "no kind"
            raise JobFileError(f"{path}.kind must be one of {', '.join(kinds)} (or give {path}.path), not {found}.")
        return kinds[value["kind"]]
    return structs[0] if structs else None


def _explain(message: str, document: Any) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.workers.count`" in the words of a job file."""
    reason, _, place = message.partition(" - at `$.")
    reason = reason.replace("`", "")
    missing = re.match(r"Object missing required field (\w+)", reason)
    if missing:
        path = ".".join(filter(None, [place.rstrip("`"), missing[1]]))
        return f"The job file needs {path}, which is missing."
    value = document
    for part in re.findall(r"\w+", place):
        value = value[int(part) if isinstance(value, list) else part] if value is not None else None
    return f"{place.rstrip('`') or 'The job file'}: {reason[0].lower()}{reason[1:]}, found {_show(value)}."


def _show(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '…'}"


def _check_relations(job: Job) -> None:
    """What no single field can say."""
    workers = job.workers
    low, high = workers.min or 1, workers.max or max(workers.count, workers.min or 1)
    if not low <= workers.count <= high:
        raise JobFileError(
            f"workers.count must lie between workers.min ({low}) and workers.max ({high}), not {workers.count}."
        )
    if workers.min and workers.min > workers.count:
        raise JobFileError(f"workers.min ({workers.min}) must not exceed workers.count ({workers.count}).")
    if job.data.label in job.data.features:
        raise JobFileError(f"data.features must not contain the label '{job.data.label}'.")
    if len(set(job.data.features)) < len(job.data.features):
        raise JobFileError("data.features names a column twice; name each column once.")
    if job.training.early_stopping and job.data.validation is None and job.data.test is None:
        raise JobFileError("training.early_stopping needs data.validation (a fraction or a path) or data.test.")


def _resolve(job: Job, folder: Path) -> Job:
    """Make every path of the job absolute, so that it means the same in every process."""

    def there(path: Any) -> Any:
        if isinstance(path, list):
            return [absolute(p, folder) for p in path]
        return absolute(path, folder) if isinstance(path, str) else path

    replace = msgspec.structs.replace
    data = job.data
    data = replace(data, train=there(data.train), test=there(data.test), validation=there(data.validation))
    checkpoint = replace(job.checkpoint, path=there(job.checkpoint.path or os.path.join("yarnml-jobs", job.name)))
    export = job.export_to
    learner = job.learner
    if path := getattr(learner, "path", None):
        learner = replace(learner, path=there(path))
    export = replace(export, path=there(export.path)) if export else None
    return replace(job, data=data, checkpoint=checkpoint, export=export, learner=learner)
