"""The reader of all answers of Hadoop's web services, whatever version wrote them.

An answer is a type with the fields that are read; Hadoop writes others beside them.  Versions and states of servers
differ in what they leave out or write as null, so each field has a default, which both of them mean.  Hadoop writes a
list of one element as the element itself: such a field is a `Many`.
"""

from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

_T = TypeVar("_T")


class Many(list[_T]):
    """A list that Hadoop may write as one bare element, or as null."""


class Answer(Struct, frozen=True, rename="camel"):
    """A part of an answer: ``node_labels`` is the field ``nodeLabels``."""


def decode(data: bytes, answer_type: type[_T]) -> _T:
    """Read an answer from JSON.

    Some versions of Hadoop write numbers and truth values as texts; both forms are read.  Raises
    msgspec.ValidationError where a field has another type, msgspec.DecodeError where this is no JSON.
    """
    answer = _without_empty(msgspec.json.decode(data)) or {}
    return msgspec.convert(answer, answer_type, strict=False, dec_hook=_decode_many)


def _without_empty(value: Any) -> Any:
    """An answer without its nulls, its empty texts, which stand for empty objects, too, and objects without content.

    All of them mean as much as no field.
    """
    if isinstance(value, dict):
        parts = ((name, _without_empty(part)) for name, part in value.items())
        return {name: part for name, part in parts if part not in (None, "")} or None
    if isinstance(value, list):
        return [part for part in map(_without_empty, value) if part is not None]
    return value


def _decode_many(target: Any, value: Any) -> Any:
    if get_origin(target) is not Many:
        raise NotImplementedError(f"{target} is not a type of these answers")
    (element,) = get_args(target)
    elements = value if isinstance(value, list) else [value] if value else []
    return Many(msgspec.convert(part, element, strict=False, dec_hook=_decode_many) for part in elements)
