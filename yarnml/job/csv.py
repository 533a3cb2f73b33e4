"""The ``csv`` section of a job file's data: how text is cut into rows and columns."""

import codecs
from typing import Annotated

from msgspec import Meta, field

from yarnml.errors import JobFileError
from yarnml.job.fields import Natural, Section

Sign = Annotated[str, Meta(min_length=1, max_length=1)]


class Csv(Section, frozen=True, kw_only=True):
    """The form of CSV files.

    ``columns``: the names of the columns, in place of the header's; needed where there is no ``header``.
    ``quote``: the sign around texts that hold delimiters; nothing for none.
    ``escape``: the sign before one that stands for itself.
    ``null_values``: fields that are nulls, beside empty ones.
    ``skip_rows``: lines before the header.
    ``multiline``: texts in quotes may hold line breaks.
    """

    delimiter: Sign = ","
    header: bool = True
    columns: list[str] = field(default_factory=list)
    quote: Sign | None = '"'
    escape: Sign | None = None
    null_values: list[str] | None = None
    encoding: Annotated[str, Meta(min_length=1)] = "utf-8"
    decimal: Sign = "."
    skip_rows: Natural = 0
    multiline: bool = False

    @property
    def lines_before(self) -> int:
        """The lines before the first row."""
        return self.skip_rows + self.header


def check_csv(csv: Csv, section: str) -> None:
    """Refuse what does not go together; ``section``: that of the job file which holds it."""
    if not csv.header and not csv.columns:
        raise JobFileError(f"{section}.header is false, so {section}.columns must name the columns, in their order.")
    if len(set(csv.columns)) < len(csv.columns):
        raise JobFileError(f"{section}.columns names a column twice; name each column once.")
    signs = {"delimiter": csv.delimiter, "quote": csv.quote, "escape": csv.escape}
    for name, sign in signs.items():
        if sign is not None and (not sign.isascii() or sign in "\n\r"):
            raise JobFileError(f"{section}.{name} must be one ASCII character and no line break, not {sign!r}.")
    given = [sign for sign in signs.values() if sign is not None]
    if len(set(given)) < len(given) or csv.decimal == csv.delimiter:
        raise JobFileError(f"{section}: delimiter, quote, escape and decimal must be different characters.")
    if csv.multiline and csv.quote is None:
        raise JobFileError(f"{section}.multiline is for texts in quotes, but quote is nothing.")
    try:
        is_byte = "\n".encode(codecs.lookup(csv.encoding).name) == b"\n"
    except (LookupError, ValueError) as exc:
        raise JobFileError(f"{section}.encoding '{csv.encoding}' is none that Python knows, such as latin-1.") from exc
    if not is_byte:
        raise JobFileError(f"{section}.encoding '{csv.encoding}' has line breaks of several bytes; convert to UTF-8.")
