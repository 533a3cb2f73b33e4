"""Fields of JSON Lines that hold texts in some lines and numbers or booleans in others: all of them are texts.

Spark reads them so, too.  Which use a text has, and that it is no number, is told where the column is used.
"""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from yarnml.data.layouts import content

_KINDS = {str: "text", int: "numbers", float: "numbers", bool: "booleans"}
_SCALARS = frozenset(_KINDS.values())


def with_texts(body: bytes) -> bytes | None:
    """The lines, in each of these fields a text; None where there is no such field, or a line is no object."""
    try:
        rows = [json.loads(line, object_pairs_hook=_once) for line in body.split(b"\n") if line.strip()]
    except ValueError:
        return None
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items() if isinstance(row, dict) else ():
            if value is not None:
                kinds.setdefault(name, set()).add(_KINDS.get(type(value), "nested"))
    mixed = _mixed(kinds)
    if not mixed:
        return None
    texts = [{name: _text(v) if name in mixed else v for name, v in row.items()} for row in rows]
    return b"".join(json.dumps(row).encode() + b"\n" for row in texts)


def joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all parts of a file; raises ArrowException where those of one name have no common type.

    Dates are texts, since other parts may have other texts.
    """
    plain = [pa.schema([f.with_type(pa.string()) if pa.types.is_timestamp(f.type) else f for f in s]) for s in schemas]
    kinds: dict[str, set[str]] = {}
    for field in (field for columns in plain for field in columns if not pa.types.is_null(field.type)):
        kinds.setdefault(field.name, set()).add(content(field.type))
    mixed = _mixed(kinds)
    texts = [pa.schema([f.with_type(pa.string()) if f.name in mixed else f for f in s]) for s in plain]
    return pa.unify_schemas(texts, promote_options="permissive") if texts else pa.schema([])


def _mixed(kinds: dict[str, set[str]]) -> set[str]:
    return {name for name, own in kinds.items() if len(own) > 1 and own <= _SCALARS}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; ValueError for one that has a field twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError
    return row


def _text(value: Any) -> str | None:
    """A value as Arrow writes it as a text: so it is the same whatever the lines beside it hold."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(pa.scalar(value).cast(pa.string()).as_py())
    return json.dumps(value)
