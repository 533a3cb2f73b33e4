"""Explanations of a wrong job file in its own words: unknown keys with the valid ones, wrong values with their path."""

import difflib
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

from yarnml.errors import JobFileError
from yarnml.job.acls import Account, User
from yarnml.job.evaluation import ThresholdMetric
from yarnml.job.fields import Epochs, MetricName, Name, Period, PositiveInt, Size, TableName
from yarnml.job.learners import Options
from yarnml.job.monitor import TrackingUri, WebAddress
from yarnml.job.spec import Job


def check_keys(value: Any, kind: Any, path: str) -> None:
    """Refuse unknown keys at any depth, listing the valid ones (msgspec would name only the first unknown one).

    ``value``: a part of the document; ``kind``: its type in the job file; ``path``: the field that holds it.
    """
    if isinstance(value, list):
        items = [get_args(k)[0] for k in (kind, *get_args(kind)) if get_origin(k) is list]
        for number, item in enumerate(value if items else []):
            check_keys(item, items[0], f"{path}[{number}]")
    if not isinstance(value, dict):
        return
    for values in (get_args(k)[1] for k in (kind, *get_args(kind)) if get_origin(k) is dict):
        for key, item in value.items():
            check_keys(item, values, f"{path}.{key}")
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
            check_keys(value[key], fields[key].type, f"{path}.{key}" if path else key)


def _struct_for(value: dict[str, Any], kind: Any, path: str) -> type[msgspec.Struct] | None:
    """The struct among the alternatives of ``kind`` that a mapping stands for, by its own ``kind`` where it has one."""
    alternatives = () if get_origin(kind) is dict else get_args(kind)
    structs = [t for t in (kind, *alternatives) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
    kinds = {str(t.__struct_config__.tag): t for t in structs if t.__struct_config__.tag}
    if kinds:
        own = f" (or give {path}.path)" if kind == Options else ""
        kind = value.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            near = difflib.get_close_matches(str(kind), kinds, 1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise JobFileError(f"{path}.kind must be one of {', '.join(kinds)}{own}, not {show(kind)}{hint}")
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


def explain(message: str, document: Any, root: type[msgspec.Struct] = Job) -> str:
    """Say a message of msgspec in the words of a job file.

    "Expected `int`, got `str` - at `$.workers.count`" → "workers.count must be a whole number, not str 'many'."

    ``root``: the type of the document.
    """
    reason, _, at = message.replace("`", "").partition(" - at ")
    part, _, place = at.partition("$")
    place = place.lstrip(".")
    missing = re.match(r"Object missing required field (\w+)", reason)
    mapping, some, field = place.partition("[...]")
    if missing and some:
        return f"A mapping in {mapping} needs {missing[1]}, which is missing."
    if missing:
        return f"The job file needs {'.'.join(filter(None, [place, missing[1]]))}, which is missing."
    requirement = _requirement(reason, place, document, root)
    value = document
    for name in re.findall(r"\w+", mapping):
        value = value[int(name) if isinstance(value, list) else name]
    quoted = type(value).__name__ if place.startswith("environment.variables") else show(value)
    if part or some:
        what = "key" if part else field.lstrip(".") or "value"
        return f"Every {what} of {mapping} must be {requirement}, but this is {quoted}."
    return f"{place or 'The job file'} must be {requirement}, not {quoted}."


def _requirement(reason: str, place: str, document: Any, root: type[msgspec.Struct]) -> str:
    """The words for what a field takes."""
    if reason.startswith("Invalid enum value"):
        return _choices(place, document, root)
    for kind in (
        Size,
        Period,
        Epochs,
        Name,
        MetricName,
        TableName,
        ThresholdMetric,
        Account,
        User,
        WebAddress,
        TrackingUri,
    ):
        meta = get_args(kind)[1]
        if repr(meta.pattern) in reason:
            return str(meta.description)
    expected = reason.removeprefix("Expected ").partition(", got ")[0]
    return re.sub(r"\w+", lambda word: _WORDS.get(word[0], word[0]), expected).replace(" | ", " or ")


def _choices(place: str, document: Any, root: type[msgspec.Struct]) -> str:
    """The words for the values that a field of fixed choices takes."""
    kind: Any = root
    for name in re.findall(r"\w+|\.\.\.", place):
        if name == "...":  # some value of a mapping
            kind, document = get_args(kind)[1], {}
            continue
        if isinstance(document, list):
            kind, document = get_args(kind)[0], document[int(name)]
            continue
        struct = _struct_for(document, kind, "") or root
        kind = next(f.type for f in msgspec.structs.fields(struct) if f.encode_name == name)
        document = document.get(name)
    kinds = (kind, *get_args(kind))
    values = [repr(value) for k in kinds if get_origin(k) is Literal for value in get_args(k)]
    kinds_of_value = {
        "int": PositiveInt in kinds,
        "array": any(get_origin(getattr(k, "__origin__", k)) is list for k in kinds),
    }
    kinds_of_value["object"] = any(isinstance(k, type) and issubclass(k, msgspec.Struct) for k in kinds)
    return " or ".join([*values, *(_WORDS[word] for word, fits in kinds_of_value.items() if fits)])


def show(value: Any) -> str:
    """A value as a message quotes it: its type, and its text, which is cut where it is long."""
    if value is None:
        return "nothing"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '…'}"
