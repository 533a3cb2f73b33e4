"""The document of a job file before it is a job: read from a file or a text, and small enough to be checked."""

import os
import re
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

import yaml

from yarnml.errors import JobFileError
from yarnml.job.explain import show
from yarnml.storage import local

MAX_FILE_BYTES = 2**20
"""Size of the largest job file: YAML is slow, and what is larger is no job file."""

MAX_DEPTH = 32
"""Most levels of mappings and lists: a job has a third of them."""

MAX_VALUES = 500_000
"""Most values, with those that an alias repeats counted again."""

INTEGERS = range(-(2**63), 2**64)
"""The whole numbers that a message can hold."""


def parse_file(path: Path) -> dict[str, Any]:
    """Return the mapping in a job file."""
    what = f"The job file {path}"
    try:
        text = _read(path)
    except (OSError, ValueError) as exc:
        raise JobFileError(f"{what} can't be read: {getattr(exc, 'strerror', None) or exc}.") from exc
    document = parse(text, what)
    if not isinstance(document, dict):
        raise JobFileError(f"{what} must hold 'field: value' lines, but holds {show(document)}.")
    return document


def parse(text: str, what: str) -> Any:
    """Return the value of a YAML text.

    ``what`` it is, for the sentence about one that is wrong.  That quotes nothing: the line may hold a secret.
    """
    try:
        value = yaml.load(text, _Loader)
    except yaml.YAMLError as exc:
        raise JobFileError(f"{what} is not valid YAML: {_place(exc)}.") from exc
    except RecursionError as exc:
        raise JobFileError(f"{what} has more than {MAX_DEPTH} levels of lists and mappings in each other.") from exc
    check_extent(value, what)
    return value


def check_extent(value: Any, what: str) -> None:
    """Refuse a document without end, values that no message and no file can hold, and YAML's own kinds of value."""
    left = [MAX_VALUES]

    def check(value: Any, place: str, depth: int) -> None:
        left[0] -= 1
        if depth > MAX_DEPTH:
            raise JobFileError(f"{what} has more than {MAX_DEPTH} levels of lists and mappings in each other.")
        if left[0] < 0:
            raise JobFileError(f"{what} has more than {MAX_VALUES} values.")
        match value:
            case Mapping():
                for key, item in value.items():
                    check(key, place, depth + 1)
                    check(item, f"{place}.{key}" if place else str(key), depth + 1)
            case list() | tuple():
                for number, item in enumerate(value):
                    check(item, f"{place}[{number}]", depth + 1)
            case str() if fault := _fault(value):
                raise JobFileError(f"{place or what} holds {fault}, which no text of a job may.")
            case int() if value not in INTEGERS:
                raise JobFileError(f"{place or what} is a whole number of more than 64 bits.")
            case date() | time() | bytes() | set():
                raise JobFileError(
                    f"{place or what} must not be {show(value)}, which no field takes; put quotes around a text."
                )

    check(value, "", 0)


def _fault(text: str) -> str:
    """The character of a text that can be in no file name and no message; empty where there is none."""
    if "\0" in text:
        return "a character of value 0"
    return "" if text.isascii() or not _SURROGATE.search(text) else "bytes that are no UTF-8"


_SURROGATE = re.compile("[\ud800-\udfff]")


def _read(path: Path) -> str:
    with local.opened(str(path)) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise OSError(f"it has {size:,} bytes, more than {MAX_FILE_BYTES:,}")
        return file.read(MAX_FILE_BYTES).decode()


_OF_YAML_1_2 = {
    "tag:yaml.org,2002:bool": r"^(true|True|TRUE|false|False|FALSE)$",
    "tag:yaml.org,2002:int": r"^[-+]?(0|[1-9][0-9_]*|0b[01_]+|0x[0-9a-fA-F_]+)$",
    "tag:yaml.org,2002:float": r"^([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
}


class _Loader(yaml.SafeLoader):
    """A YAML loader with the numbers and booleans of YAML 1.2, that refuses duplicate keys.

    1e-3 is a number there.  Words such as no and on, codes such as 01234, and times such as 12:30 are texts; of YAML
    1.1 they are false, true, 668 and 750.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, yaml.Node] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else []:
            if isinstance(key, yaml.ScalarNode) and first.setdefault(key.value, key) is not key:
                line = key.start_mark.line + 1
                raise JobFileError(f"The key '{key.value}' is given twice, again in line {line}; remove one of them.")
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, JobFileError, RecursionError):
            raise
        except Exception as exc:  # such as a day that no month has, or a number without end
            kind = str(node.tag).rpartition(":")[2]
            problem = f"this is no {kind} that can be read; put it in quotes if it is text"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from exc


_Loader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag not in {*_OF_YAML_1_2, "tag:yaml.org,2002:value"}]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _OF_YAML_1_2.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), [*"-+.0123456789tTfF"])


def _place(exc: yaml.YAMLError) -> str:
    """The line and column of an error, and what it is, without the text there: that may be a secret."""
    if isinstance(exc, yaml.MarkedYAMLError) and exc.problem_mark:
        mark = exc.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {exc.problem or exc.context}"
    return " ".join(str(getattr(exc, "reason", exc)).split())
