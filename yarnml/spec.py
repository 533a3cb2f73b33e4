"""From a job file to a checked `Job`: parse once, refuse what is unknown, say where and what instead."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import yaml

from yarnml import code
from yarnml.errors import JobFileError
from yarnml.job import Epochs, Evaluation, Job, Name, Period, Size
from yarnml.learners.options import Custom, Options, PositiveInt
from yarnml.relations import check_data, check_learner, with_usual
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
    _check_keys(document, Job, "")
    try:
        job = msgspec.convert(document, Job)
    except msgspec.ValidationError as exc:
        raise JobFileError(_explain(str(exc), document)) from exc
    job = with_usual(job, document.get("training", {}))
    check_learner(job)
    check_data(job.data)
    _check_relations(job)
    return _resolve(job, folder)


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
    if isinstance(value, list):
        items = [get_args(k)[0] for k in (kind, *get_args(kind)) if get_origin(k) is list]
        for number, item in enumerate(value if items else []):
            _check_keys(item, items[0], f"{path}[{number}]")
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
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise JobFileError(
                f"{path or 'The job file'} has an unknown key '{key}'{hint} Valid keys: {', '.join(valid)}."
            )
        if key in fields:
            _check_keys(value[key], fields[key].type, f"{path}.{key}" if path else key)


def _struct_for(value: dict[str, Any], kind: Any, path: str) -> type[msgspec.Struct] | None:
    structs = [t for t in (kind, *get_args(kind)) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
    kinds = {str(t.__struct_config__.tag): t for t in structs if t.__struct_config__.tag}
    if kinds:
        own = f" (or give {path}.path)" if kind == Options else ""
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            near = difflib.get_close_matches(str(kind), kinds, 1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise JobFileError(f"{path}.kind must be one of {', '.join(kinds)}{own}, not {_show(kind)}{hint}")
        return kinds[kind]
    return structs[0] if structs else None


_WORDS = {
    "object": "a mapping",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


def _explain(message: str, document: Any) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.workers.count`" in the words of a job file."""
    reason, _, at = message.replace("`", "").partition(" - at ")
    part, _, place = at.partition("$")
    place = place.lstrip(".")
    missing = re.match(r"Object missing required field (\w+)", reason)
    if missing:
        return f"The job file needs {'.'.join(filter(None, [place, missing[1]]))}, which is missing."
    wanted = _wanted(reason, place, document)
    if part:
        return f"Every key of {place} must be {wanted}."
    if place.endswith("[...]"):
        return f"Every value of {place.removesuffix('[...]')} must be {wanted}."
    value = document
    for name in re.findall(r"\w+", place):
        value = value[int(name) if isinstance(value, list) else name]
    return f"{place or 'The job file'} must be {wanted}, not {_show(value)}."


def _wanted(reason: str, place: str, document: Any) -> str:
    if reason.startswith("Invalid enum value"):
        return _choices(place, document)
    for kind in (Size, Period, Epochs, Name):
        meta = get_args(kind)[1]
        if repr(meta.pattern) in reason:
            return str(meta.description)
    expected = reason.removeprefix("Expected ").partition(", got ")[0]
    return re.sub(r"\w+", lambda word: _WORDS.get(word[0], word[0]), expected).replace(" | ", " or ")


def _choices(place: str, document: Any) -> str:
    """The values that a field of fixed choices takes."""
    kind: Any = Job
    for name in re.findall(r"\w+", place):
        if isinstance(document, list):
            kind, document = get_args(kind)[0], document[int(name)]
            continue
        struct = _struct_for(document, kind, "") or Job
        kind = next(f.type for f in msgspec.structs.fields(struct) if f.encode_name == name)
        document = document[name]
    kinds = (kind, *get_args(kind))
    values = [repr(value) for k in kinds if get_origin(k) is Literal for value in get_args(k)]
    return " or ".join([*values, *(_WORDS["int"] for k in kinds if k == PositiveInt)])


def _show(value: Any) -> str:
    if value is None:
        return "nothing"
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
    code.check(given["files"], learner.file if isinstance(learner, Custom) else None)
    return replace(
        job,
        data=replace(job.data, **paths),
        checkpoint=replace(job.checkpoint, path=kept),
        export=export,
        learner=learner,
        environment=replace(job.environment, **given),
    )
