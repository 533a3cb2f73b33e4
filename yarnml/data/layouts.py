"""The layouts of a dataset's files: which columns they have, found by name, and the types on which they agree.

Files may have their columns in any order, and more than a job uses.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from yarnml.data.arrays import is_list, is_number, is_text, value_type
from yarnml.errors import DataError, JobFileError

MAX_NAMES_SHOWN = 20

JOINED = ("text", "numbers", "lists", "dates", "instants")
"""Contents of which different types have a common one."""


class Layout(NamedTuple):
    """The columns of one file, or of all that have just these; ``url``: of the first of them."""

    columns: pa.Schema
    url: str


class Use(NamedTuple):
    """One column that a job uses; ``field``: of the data section, which names it."""

    field: str
    name: str


def layouts_of(inspected: Iterable[tuple[pa.Schema, str]]) -> list[Layout]:
    """The different layouts among files, in order."""
    different: dict[bytes, Layout] = {}
    for columns, url in inspected:
        plain = columns.remove_metadata()
        different.setdefault(plain.serialize().to_pybytes(), Layout(plain, url))
    return list(different.values())


def used_columns(layouts: Sequence[Layout], uses: Sequence[Use], typed: bool, given: Collection[str] = ()) -> pa.Schema:
    """The columns that a job uses, each with the type that all files agree on.

    ``typed``: whether the files say what their types are; where types are only guessed, different ones are text.
    ``given``: columns whose type the job gives, so that files need not agree on it.
    JobFileError for a column that a file lacks, or has twice; DataError for one of different kinds.
    """
    kinds_of_layouts = [_types(layout, uses, layouts) for layout in layouts]
    by_column = zip(uses, zip(*kinds_of_layouts, strict=True), strict=True)
    return pa.schema({
        use.name: kinds[0] if use.name in given else _agreed(use, kinds, layouts, typed) for use, kinds in by_column
    })  # fmt: skip


def common_columns(layouts: Sequence[Layout]) -> pa.Schema:
    """The columns that all files have, once each; where types have no common one, that of the first file."""
    counts = [Counter(layout.columns.names) for layout in layouts]
    names = [name for name in counts[0] if all(count[name] == 1 for count in counts)]
    uses = [Use("features", name) for name in names]
    kinds = zip(*(_types(layout, uses, layouts) for layout in layouts), strict=True)
    return pa.schema({name: joined(column) or column[0] for name, column in zip(names, kinds, strict=True)})


def shown(names: Sequence[str]) -> str:
    """Names for a sentence: of very many the first, and their number."""
    if len(names) <= MAX_NAMES_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMES_SHOWN])}, … ({len(names)} columns)"


def _types(layout: Layout, uses: Sequence[Use], layouts: Sequence[Layout]) -> list[pa.DataType]:
    """The type of each column in one layout of several."""
    names = layout.columns.names
    counts = Counter(names)
    places = {name: place for place, name in enumerate(names)}
    types = layout.columns.types
    for field, name in uses:
        if name not in places:
            other = next((f"; {other.url} has it" for other in layouts if name in other.columns.names), "")
            raise JobFileError(f"data.{field}: {layout.url} has no column '{name}'; it has {shown(names)}{other}.")
        if counts[name] > 1:
            raise JobFileError(
                f"data.{field}: {layout.url} has more than one column '{name}'; give them different names."
            )
    return [types[places[name]] for _, name in uses]


def _agreed(use: Use, kinds: Sequence[pa.DataType], layouts: Sequence[Layout], typed: bool) -> pa.DataType:
    kind = joined(kinds)
    if kind is not None:
        return kind
    if not typed:
        return pa.string()
    if use.field != "label" and {content(kind) for kind in kinds} <= {"booleans", "numbers", "null"}:
        return pa.float64()
    places = [n for n, kind in enumerate(kinds) if not pa.types.is_null(kind)]
    other = next(n for n in places if joined([kinds[places[0]], kinds[n]]) is None)
    what = "Label" if use.field == "label" else "Column"
    words = [f"{kinds[n]} in {layouts[n].url}" for n in (places[0], other)]
    raise DataError(
        f"{what} '{use.name}' holds {content(kinds[places[0]])} in some files and {content(kinds[other])} in others: "
        f"{words[0]}, but {words[1]}; store one type in all, or give it one by data.types."
    )


def joined(kinds: Sequence[pa.DataType]) -> pa.DataType | None:
    """The type for a column of these types in different files; None where there is none.

    Nothing but nulls fits every type, and whole numbers are fractions where a file has fractions.
    """
    present = list(dict.fromkeys(kind for kind in kinds if not pa.types.is_null(kind)))
    if len(present) <= 1:
        return present[0] if present else pa.null()
    contents = {content(kind) for kind in present}
    if contents == {"dates", "instants"} and all(pa.types.is_date(kind) or kind.tz is None for kind in present):
        return pa.timestamp("us")  # the day's midnight; in which zone a day began, only instants without one leave open
    if len(contents) > 1 or content(present[0]) not in JOINED:
        return None
    if content(present[0]) == "lists":
        return pa.list_(present[0].value_type)  # of any length; rows are checked as they are read
    if content(present[0]) == "dates":
        return pa.date32()
    if content(present[0]) == "instants":
        return pa.timestamp("us", present[0].tz)
    if content(present[0]) == "text":
        return pa.large_string()
    values = [value_type(kind) for kind in present]
    if all(map(pa.types.is_integer, values)):
        return values[0] if len(set(values)) == 1 else pa.int64()
    return pa.float64()


def content(kind: pa.DataType) -> str:
    """The content of a column of this type, in a word, or else the type."""
    if is_text(kind):
        return "text"
    if is_list(kind):
        return "lists"
    if pa.types.is_boolean(value_type(kind)):
        return "booleans"
    if pa.types.is_date(kind):
        return "dates"
    if pa.types.is_timestamp(kind):
        return "instants"
    return "numbers" if is_number(kind) else str(kind)
