"""The figures of the documents, made of stored results: docs/figures.svg, and the tables of docs/speed.md.

``python -m benchmarks plot`` writes both anew; ``python -m benchmarks record step`` stores what they are made of.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.record import Result, load, numbers
from benchmarks.svg import STYLE, Page
from benchmarks.workloads import HERE

FIGURES = HERE.parent / "docs/figures.svg"
PAGE = HERE.parent / "docs/speed.md"

WIDTH = 1060
MARGIN = 30
COLUMNS = 2
BAR = 24  # pixels from one bar to the next
NAMES = 232  # pixels for the names of bars
VALUES = 56  # pixels for the number behind a bar
HEAD = 52  # pixels of a panel above its bars
FOOT = 44  # pixels of a panel below its bars
LONGEST = 3.0  # times the second longest bar, from which on the longest one is cut short

OWN = "yarnml"
DETAILS = ("bare all-reduce", "huge pages", "wait for each other")  # rows of the tables that are not in the picture

PALETTE = (
    STYLE
    + """
.label { font-size: 12px; }
.value { font-size: 12px; fill: #0f172a; }
.heading { font-size: 15px; font-weight: 600; fill: #0f172a; }
.small { font-size: 11px; fill: #64748b; }
.own { fill: #2563eb; }
.other { fill: #a8b5c6; }
.range { fill: #0f172a; }
.cut { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  .value, .heading { fill: #f1f5f9; }
  .small { fill: #94a3b8; }
  .own { fill: #60a5fa; }
  .other { fill: #52627a; }
  .range { fill: #f1f5f9; }
  .cut { fill: #0f172a; }
}
"""
)


class Panel(NamedTuple):
    """One picture: a column of a stored table.  ``scale``: what its numbers are multiplied by."""

    heading: str
    unit: str
    result: str
    table: int
    column: int
    scale: float = 1.0


PANELS = (
    Panel("Network of 73,473 parameters", "ms a step", "step", 0, 0),
    Panel("Network of 12.6 million parameters", "ms a step", "step", 1, 0),
    Panel("Logistic regression, 2,000,000 rows", "seconds, reading included", "pass", 0, 0),
    Panel("k-means, 2,000,000 rows", "ms an iteration", "kmeans", 0, 0),
    Panel("Boosting, 1,000,000 rows, 50 trees", "seconds of the fit", "boosting", 0, 0),
    Panel("ALS, 5,000,000 ratings", "seconds an iteration", "als", 0, 0, 1e-3),
)


def main() -> None:
    """Write docs/figures.svg and the tables of docs/speed.md anew, from benchmarks/results."""
    FIGURES.write_bytes(figures())
    PAGE.write_text(with_tables(PAGE.read_text()))


def figures() -> bytes:
    """The picture, the same bytes for the same results."""
    rows = [PANELS[at : at + COLUMNS] for at in range(0, len(PANELS), COLUMNS)]
    heights = [HEAD + FOOT + BAR * max(len(_bars(panel)) for panel in row) for row in rows]
    page = Page(WIDTH, 90 + sum(heights), PALETTE)
    page.text(MARGIN, 46, "Times on two cores", "title")
    page.text(
        MARGIN,
        70,
        "Shorter is better. Median of rounds taken in turn; thin line: least to largest; a gap: the bar is cut short.",
    )
    top = 90.0
    for row, height in zip(rows, heights, strict=True):
        for number, panel in enumerate(row):
            _draw(page, panel, MARGIN + number * (WIDTH - MARGIN) / COLUMNS, top)
        top += height
    return page.svg("Times of yarnml beside other programs; the numbers are in docs/speed.md").encode()


def _bars(panel: Panel) -> list[tuple[str, tuple[float, ...]]]:
    """Names and numbers of a panel's bars."""
    table = load(panel.result).tables[panel.table]
    cells = {name: cells[panel.column] for name, cells in table.rows.items() if not any(d in name for d in DETAILS)}
    return [(name, tuple(panel.scale * number for number in numbers(cell))) for name, cell in cells.items()]


def _draw(page: Page, panel: Panel, left: float, top: float) -> None:
    bars = _bars(panel)
    result = load(panel.result)
    width = (WIDTH - MARGIN) / COLUMNS - MARGIN
    page.text(left, top + 24, panel.heading, "heading")
    page.text(left, top + 41, panel.unit, "small")
    longest = _longest([cell[-1] for _, cell in bars])
    scale = (width - NAMES - VALUES) / longest
    for number, (name, cell) in enumerate(bars):
        base = top + HEAD + BAR * number
        start = left + NAMES
        own = name.startswith(OWN)
        page.text(start - 8, base + 14, name, "value" if own else "label", anchor="end")
        length = scale * min(cell[0], longest)
        page.box(start, base + 3, length, 15, "own" if own else "other", radius=2)
        end = length
        if cell[0] > longest:
            page.box(start + length - 16, base, 4, 21, "cut", radius=0)
        elif len(cell) == 3:
            end = scale * min(cell[2], longest)
            page.box(start + scale * cell[1], base + 10, end - scale * cell[1], 1, "range", radius=0)
        page.text(start + max(length, end) + 6, base + 15, f"{cell[0]:.3g}", "value")
    foot = f"{result.command}, {result.date}, {result.machine}"
    page.text(left, top + HEAD + BAR * len(bars) + 16, foot, "small")


def _longest(lengths: Sequence[float]) -> float:
    """The length that fills a panel: the longest bar, unless it would leave nothing to see of the others."""
    *_, second, first = sorted(lengths)
    return first if first <= LONGEST * second else 1.5 * second


def with_tables(page: str) -> str:
    """The page with its tables written anew, each between a line ``<!-- NAME`` and a line ``<!-- end -->``."""
    written = {"step": "\n".join(_steps(load("step"))), "passes": "\n".join(_passes())}
    for name, table in written.items():
        page, count = re.subn(
            rf"(^<!-- {name}\b[^\n]*\n).*?(^<!-- end -->$)",
            lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}",
            page,
            flags=re.MULTILINE | re.DOTALL,
        )
        assert count == 1, name
    return page


def _steps(result: Result) -> Iterator[str]:
    """The table of steps: a workload takes two columns."""
    titles = [table.title.partition(": ")[2] for table in result.tables]
    yield f"`{result.command}`, {result.date}, {result.machine}"
    yield ""
    yield "| milliseconds a step, median (min-max) | " + " | limit / this | ".join(titles) + " | limit / this |"
    yield "|---" * (1 + 2 * len(titles)) + "|"
    for name in result.tables[0].rows:
        cells = [[*table.rows.get(name, []), "", ""][:2] for table in result.tables]
        yield f"| {name} | " + " | ".join(cell for pair in cells for cell in pair) + " |"


def _passes() -> Iterator[str]:
    """The table of whole passes: a line for a benchmark."""
    yield "| | yarnml | beside | command | date, machine |"
    yield "|---|---|---|---|---|"
    for panel in PANELS:
        if panel.result != "step":
            result = load(panel.result)
            rows = {name: cells[panel.column] for name, cells in result.tables[panel.table].rows.items()}
            (own,) = (cell for name, cell in rows.items() if name.startswith(OWN))
            beside = "; ".join(f"{name} {cell}" for name, cell in rows.items() if not name.startswith(OWN))
            what = f"{panel.heading}; {result.tables[panel.table].columns[panel.column]}"
            yield f"| {what} | {own} | {beside} | `{result.command}` | {result.date}, {result.machine} |"
