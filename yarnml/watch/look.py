"""The page of a look at data: what is null, how numbers are distributed, and which values come most often."""

from pathlib import Path

from yarnml.data.look.facts import CURVE, ColumnFacts
from yarnml.data.look.survey import Look
from yarnml.data.look.table import TITLES, about_files, cells
from yarnml.errors import HistoryError, translated
from yarnml.storage import local
from yarnml.watch import charts
from yarnml.watch.numbers import size
from yarnml.watch.page import look_page
from yarnml.watch.view import Table

MAX_BARS = 40
MAX_CHARTS = 60
"""Columns that have a place in a chart, and charts: the table has all columns."""


def write_page(look: Look, output: str) -> str:
    """Write the page of a look in the place of an old one; a sentence about it."""
    path = Path(output).absolute()
    if path.is_dir():
        raise HistoryError(f"--report: {path} is a folder; give the name of a file, such as {path / 'look.html'}.")
    data = page(look).encode()
    with translated(HistoryError, f"--report: the page can't be written to {path}"):
        local.write(str(path), data)
    return f"{path}: {len(look.columns)} columns, {size(len(data))}"


def page(look: Look) -> str:
    """Make the page."""
    nulls = {column.name: 100 * column.nulls / column.rows for column in look.columns if column.nulls}
    largest = dict(sorted(nulls.items(), key=lambda pair: -pair[1])[:MAX_BARS])
    pictures = [charts.bars("Nulls, in % of the rows", largest), *map(_distribution, look.columns)]
    table = Table([*TITLES], [cells(column) for column in look.columns])
    drawn = [picture for picture in pictures if picture][:MAX_CHARTS]
    return look_page(", ".join(look.paths), about_files(look), drawn, table)


def _distribution(column: ColumnFacts) -> str:
    """The numbers of a column by the share of rows below them, or the rows of its most frequent values; else empty."""
    if column.curve:
        return charts.lines(f"{column.name}, by % of the rows", {column.name: _percents(column)})
    repeated = {value: float(rows) for value, rows in column.top if rows > 1}
    return charts.bars(f"{column.name}, rows of the most frequent values", repeated)


def _percents(column: ColumnFacts) -> list[tuple[float, float]]:
    return [(100 * share, number) for share, number in zip(CURVE, column.curve, strict=True)]
