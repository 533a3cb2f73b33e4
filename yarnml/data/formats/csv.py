"""CSV: lines of fields, with a header line or names that the job gives, in any dialect of it."""

import csv
import io
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from yarnml.data.base import File
from yarnml.data.formats import lines
from yarnml.data.formats.lines import LINES, Records, Run
from yarnml.errors import DataError
from yarnml.job.csv import Csv

NULL_VALUES = [*pc.ConvertOptions().null_values, r"\N"]
"""pyarrow's, such as NA and nothing, and Hive's."""

REMEDIES = {
    "to double: invalid": "; a number is needed: mend it; of a feature, impute of data.prepare fills what is empty, "
    "and one_hot, category, hash or text make numbers of text; of a label, data.label_type: class takes text",
    "to int64: invalid": "; the values or classes that the job gives are whole numbers: mend it, or give them as text",
    "to bool: invalid": "; the column begins with true and false: mend it, or give values or classes as text",
    "Expected ": "; a line has more or fewer values than the header, or a line break inside quotes: mend it, or set "
    "data.csv (delimiter, quote, escape, multiline)",
}
"""What to do about an error, by pyarrow's words."""

MAX_BLOCK_BYTES = 2**30


class BackslashQuotes(DataError):
    """CSV with a backslash before each quote within quotes, where the dialect has them doubled."""


class CsvFormat:
    """CSV files of one dialect; a `yarnml.data.base.Format`."""

    TYPED = False

    def __init__(self, dialect: Csv) -> None:
        self._dialect = dialect
        self._records = _quoted_records(dialect) if dialect.multiline else LINES
        nulls = NULL_VALUES if dialect.null_values is None else ["", *dialect.null_values]
        escaped = [null for null in nulls if dialect.escape and null.startswith(dialect.escape)]
        self._nulls = [null for null in nulls if null not in escaped]
        self._escaped_nulls = _fields_of(escaped, dialect) if escaped else None

    def inspect(self, fs: Any, path: str, url: str) -> tuple[pa.Schema, File]:
        """Read the file once: its header, its digest, and its rows as groups."""
        dialect = self._dialect
        check = partial(_check_quotes, dialect=dialect, url=url)
        file, head, sample = lines.scan(fs, path, url, dialect.lines_before, self._records, check)
        try:
            header = head.decode(dialect.encoding)
        except UnicodeDecodeError as exc:
            raise DataError(f"{url} is not {_name(dialect)} text: {exc}; convert it to UTF-8.") from exc
        if dialect.header and not _last_line(header).strip("\ufeff\r\n "):
            raise DataError(f"{url} is empty: a CSV file needs a header line and rows below it.")
        if not file.groups:
            sample = b"\n"
        elif b"\n" not in sample and b"\r" in sample.rstrip():
            raise DataError(f"{url} has line breaks of old Macs (CR alone); convert them to those of Unix.")
        return self._decode(head, sample, None, url).schema, file

    def read(self, fs: Any, path: str, file: File, group: int, columns: pa.Schema) -> pa.Table:
        place = file.groups[group]
        head, body = lines.read_text(fs, path, file, group, self._dialect.lines_before)
        where = f"{file.url} from byte {place.start} on"
        table = self._decode(head, body, columns, where)
        if table.num_rows != place.rows:
            raise DataError(
                f"{where} has {place.rows} lines but {table.num_rows} rows; for line breaks inside quotes set "
                "data.csv.multiline: true, or store this data as Parquet."
            )
        return table

    def head(self, fs: Any, path: str, file: File, columns: pa.Schema, rows: int) -> pa.Table:
        return self.read(fs, path, file, 0, columns).slice(0, rows)

    def _decode(self, head: bytes, body: bytes, columns: pa.Schema | None, where: str) -> pa.Table:
        """The rows of a text; with ``columns`` these alone, converted to their types."""
        dialect = self._dialect
        names = [] if columns is None else columns.names
        header = b"" if dialect.columns else _last_line(head)
        body = self._escaped_nulls.sub(b"", body) if self._escaped_nulls else body
        text = (header if header.endswith(b"\n") or not header else header + b"\n") + body
        convert = pc.ConvertOptions(
            include_columns=names,
            column_types=columns,
            strings_can_be_null=True,
            null_values=self._nulls,
            decimal_point=dialect.decimal,
        )
        parse = pc.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            escape_char=dialect.escape or False,
            newlines_in_values=dialect.multiline,
        )
        block = min(max(len(text) + 1, 2**20), MAX_BLOCK_BYTES) if dialect.multiline else None
        read = pc.ReadOptions(column_names=dialect.columns or None, encoding=dialect.encoding, block_size=block)
        try:
            table = pc.read_csv(io.BytesIO(text), read_options=read, parse_options=parse, convert_options=convert)
        except (pa.ArrowException, UnicodeDecodeError) as exc:
            raise DataError(f"{where} is not readable CSV: {self._reason(str(exc), header)}") from exc
        return table if columns is None else table.select(names)  # no name would be all of them

    def _reason(self, message: str, header: bytes) -> str:
        """pyarrow's words, with the name of the column for its number, and what to do."""
        names = dict(enumerate(self._dialect.columns or _fields(header, self._dialect)))
        reason = re.sub(
            r"^In CSV column #(\d+):", lambda match: f"column '{names.get(int(match[1]), match[1])}':", message
        )
        remedy = next((words for sign, words in REMEDIES.items() if sign in reason), "")
        return reason.splitlines()[0].rstrip(".") + remedy + "."


def _check_quotes(run: Run, dialect: Csv, url: str) -> None:
    """Refuse texts such as ``"a \\"b\\" c"``, which would be cut at the second quote, where no escape is given."""
    if dialect.quote is None or dialect.escape is not None or f"\\{dialect.quote}".encode() not in run.text:
        return
    quote, delimiter = (re.escape(sign.encode()) for sign in (dialect.quote, dialect.delimiter))
    pattern = b"(?:^|%b)%b[^%b\r\n]*\\\\%b[^%b%b\r\n]" % (delimiter, quote, quote, quote, quote, delimiter)
    if re.search(pattern, run.text, re.MULTILINE):
        raise BackslashQuotes(
            f"{url} has backslashes before the quotes within quotes, as Spark writes them; set data.csv: "
            "{escape: '\\'}, or have Spark double the quotes: option('escape', '\"')."
        )


def _fields_of(nulls: Sequence[str], dialect: Csv) -> re.Pattern[bytes]:
    r"""The fields that are nulls such as ``\N`` where a backslash is the escape: Arrow would read an N."""
    signs = re.escape(f"{dialect.delimiter}\r\n")
    words = "|".join(map(re.escape, nulls))
    return re.compile(f"(?<![^{signs}])(?:{words})(?![^{signs}])".encode(dialect.encoding))


def _quoted_records(dialect: Csv) -> Records:
    """Rows that end at line breaks outside of quotes."""
    quote = str(dialect.quote).encode()
    escape = dialect.escape.encode() if dialect.escape else None
    return Records(partial(_last_end, quote=quote, escape=escape), partial(_count_rows, quote=quote, escape=escape))


def _ends(text: bytes, quote: bytes, escape: bytes | None) -> np.ndarray[Any, Any]:
    """The places of the line breaks with an even number of quotes before them."""
    if escape and escape in text:
        text = re.sub(re.escape(escape) + b".", b"..", text, flags=re.DOTALL)
    signs = np.frombuffer(text, np.uint8)
    breaks = np.flatnonzero(signs == ord(b"\n"))
    quotes = np.flatnonzero(signs == ord(quote))
    return breaks[np.searchsorted(quotes, breaks) % 2 == 0]


def _last_end(text: bytes, quote: bytes, escape: bytes | None) -> int:
    ends = _ends(text, quote, escape)
    return int(ends[-1]) + 1 if len(ends) else 0


def _count_rows(text: bytes, quote: bytes, escape: bytes | None) -> int:
    """Count the rows that hold anything."""
    ends = _ends(text, quote, escape)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    short = [text[low:high].strip() for low, high in zip(starts, ends, strict=True) if high - low <= 1]
    return len(ends) - short.count(b"")


def _last_line(head: Any) -> Any:
    """The header: the last line of the head."""
    return head.splitlines(keepends=True)[-1] if head else head


def _fields(header: bytes, dialect: Csv) -> list[str]:
    """The names in the header; none where it can't be told."""
    try:
        text = header.decode(dialect.encoding, errors="replace").strip("\ufeff\r\n")
        return next(csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote or None), [])
    except (csv.Error, TypeError):  # a carriage return among them, or a name without end
        return []


def _name(dialect: Csv) -> str:
    return "UTF-8" if dialect.encoding == "utf-8" else dialect.encoding
