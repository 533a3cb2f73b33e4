"""A look at data as lines for people."""

from yarnml.data.look.facts import ColumnFacts
from yarnml.data.look.survey import Look
from yarnml.events.text import columns, count_of, first_few

MAX_SHOWN = 24
"""Characters of a value that are shown."""

TITLES = ("column", "holds", "nulls", "distinct", "least", "25%", "median", "75%", "greatest", "most often")


def as_table(look: Look) -> str:
    """A line about the files, and one for each column."""
    return "\n".join([*about_files(look), columns([TITLES, *(cells(column) for column in look.columns)])])


def about_files(look: Look) -> list[str]:
    """Lines about the files together."""
    head = (
        f"{look.format}: {count_of(look.files, 'file')}, {count_of(look.groups, 'group')}, {_bytes(look.size)}, "
        f"{count_of(look.rows, 'row')}, {count_of(len(look.columns), 'column')}"
    )
    lines = [head if look.read == look.rows else f"{head}; the first {look.read} rows are described"]
    if look.csv and look.csv.escape:
        lines.append(f"quotes within quotes have {look.csv.escape} before them: data.csv.escape")
    if look.partial:
        lines.append(f"not in all files: {first_few(look.partial, 10)}")
    return lines


def cells(column: ColumnFacts) -> list[str]:
    """The facts about one column, under the `TITLES`."""
    distinct = "" if column.lengths else f"> {column.counted}" if column.distinct is None else str(column.distinct)
    if column.content in ("nothing", "lists") or (
        column.distinct is None and not column.at and column.content != "text"
    ):
        distinct = ""
    top = [f"{_cut(value)} ({rows})" for value, rows in column.top if rows > 1]
    holds = column.content
    if column.lengths:
        low, high = column.lengths
        holds = f"lists of {low}" if low == high else f"lists of {low} to {high}"
    elif column.content == "text" and column.words >= 2:
        holds = f"text, {column.words:.1f} words"
    nulls = str(column.nulls) if column.nulls else ""
    return [_cut(column.name), holds, nulls, distinct, *(column.at or [""] * 5), ", ".join(top[:3])]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _bytes(size: int) -> str:
    """A number of bytes as people read it."""
    number = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.4g} {unit}"
        number /= 1024
    return f"{number:.4g} TiB"
