"""The columns that a job's patterns stand for, once its data have been looked into."""

import fnmatch
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import pyarrow as pa
from msgspec.structs import replace

from yarnml.data.arrays import is_list, is_number, is_text, plain_type
from yarnml.data.layouts import Layout, shown
from yarnml.errors import JobFileError
from yarnml.job.data import AllFeatures
from yarnml.job.patterns import TYPE, is_open, is_pattern, named_features
from yarnml.job.spec import Data


def resolved(data: Data, stored: pa.Schema, by_name: Iterable[str], url: str) -> Data:
    """The data section with names of columns alone; JobFileError for a pattern that no column fits.

    ``stored``: the columns that all files have; ``url``: the first of them.
    ``by_name``: columns that only their names choose: those of folders that have one value in all files, and elements
    of lists and maps.
    """
    if not is_open(data):
        return data
    roles = {data.weight, data.offset, data.exposure, data.group, *by_name}
    may_be_chosen = pa.schema([field for field in stored if not pa.types.is_struct(field.type)])
    labels = _columns(data.labels, _without(may_be_chosen, {*roles, *named_features(data)}), stored, "data.label", url)
    free = _without(may_be_chosen, {*roles, *labels})
    features = data.features
    if isinstance(features, list):
        chosen = _columns(features, free, stored, "data.features", url)
    else:
        exceptions = features.exceptions if isinstance(features, AllFeatures) else []
        excepted = _columns(exceptions, free, stored, "data.features.except", url, must_fit=False)
        chosen = [name for name in free.names if name not in excepted]
    if not chosen:
        raise JobFileError(f"data.features leaves no column of {url}; it has {shown(stored.names)}.")
    own = pa.schema([stored.field(name) for name in chosen if name in stored.names])
    for number, step in enumerate(data.prepare):
        for name in step.columns:
            if name not in own.names and not is_pattern(name):
                raise JobFileError(
                    f"data.prepare[{number}].columns: '{name}' is none of data.features; name it there too."
                )
    steps = [
        replace(step, columns=_columns(step.columns, own, own, f"data.prepare[{number}].columns", url))
        for number, step in enumerate(data.prepare)
    ]
    return replace(data, features=chosen, label=data.label if labels == data.labels else labels, prepare=steps)


def _without(columns: pa.Schema, names: Collection[str | None]) -> pa.Schema:
    return pa.schema([field for field in columns if field.name not in names])


def left_out_columns(layouts: Sequence[Layout]) -> list[str]:
    """The columns that some files have, and others have not."""
    counts = Counter(name for layout in layouts for name in dict.fromkeys(layout.columns.names))
    return [name for name, count in counts.items() if count < len(layouts)]


def _columns(
    patterns: Sequence[str], free: pa.Schema, stored: pa.Schema, field: str, url: str, *, must_fit: bool = True
) -> list[str]:
    """The columns that names and patterns stand for, in their order, each once where a pattern repeats it.

    ``free``: the columns that a pattern may choose.
    ``stored``: those that exist; a name that has none stays, to be refused with the names that there are.
    """
    chosen: list[str] = []
    for pattern in patterns:
        if pattern in stored.names or not is_pattern(pattern):
            if pattern not in stored.names and not must_fit:
                raise JobFileError(f"{field}: {url} has no column '{pattern}'; it has {shown(stored.names)}.")
            chosen.append(pattern)
            continue
        fitting = [name for name, kind in zip(free.names, free.types, strict=True) if _fits(pattern, name, kind)]
        if not fitting and must_fit:
            raise JobFileError(f"{field}: no column fits '{pattern}'; {url} has {shown(stored.names)}.")
        named = {name for name in patterns if name in stored.names}
        chosen += [name for name in fitting if name not in chosen and name not in named]
    return chosen


def _fits(pattern: str, name: str, kind: pa.DataType) -> bool:
    if not pattern.startswith(TYPE):
        return fnmatch.fnmatchcase(name, pattern)
    kind = plain_type(kind)
    match pattern.removeprefix(TYPE):
        case "boolean":
            return bool(pa.types.is_boolean(kind))
        case "number":
            return is_number(kind) and not pa.types.is_boolean(kind)
        case "text":
            return is_text(kind)
        case "list":
            return is_list(kind)
        case _:
            return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))
