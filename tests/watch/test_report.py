"""A report is one file that says what the events say."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.watch.histories import FAILURE, START, entries, epochs, job, outcome, write
from yarnml.errors import HistoryError
from yarnml.events.events import ProcessLost
from yarnml.watch import charts
from yarnml.watch.history.entries import Entry
from yarnml.watch.numbers import duration, number, seconds, size
from yarnml.watch.page import html
from yarnml.watch.report import write_report
from yarnml.watch.run import Run
from yarnml.watch.runs import read_run
from yarnml.watch.view import MAX_EPOCHS, MAX_EVENTS, MAX_PROCESSES, view_of


class Page(HTMLParser):
    """The tables of a page by their id, and whatever it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self._table: list[list[str]] = []
        self._is_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action", "xlink:href"}]
        self._is_cell = tag in {"td", "th"}
        if tag == "table":
            self._table = self.tables.setdefault(named["id"] or "", [])
        elif tag == "tr":
            self._table.append([])
        elif self._is_cell:
            self._table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_cell = self._is_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._is_cell:
            self._table[-1][-1] += data


def page(listed: list[Entry], now: float = START + 1e6) -> str:
    return html(view_of(Run("/jobs/digits", listed, now)))


def test_values_are_those_of_the_events() -> None:
    """Every epoch's loss and metrics are in the table, the newest first, and in the tooltips of the charts."""
    text = page(entries(20, end=outcome(20)))
    heads, *rows = Page(text).tables["epochs"]
    assert heads == ["epoch", "step", "training loss", "loss", "accuracy"]
    assert rows == [
        [str(e.epoch), str(e.step), number(e.loss), number(e.metrics["loss"]), number(e.metrics["accuracy"])]
        for e in reversed(epochs(20))
    ]
    for epoch in epochs(20):
        assert f"<title>accuracy {epoch.metrics['accuracy']:.4g} at {epoch.epoch}</title>" in text
        assert f"<title>training loss {epoch.loss:.4g} at {epoch.epoch}</title>" in text
    for phase, share in zip(("read", "compute", "exchange", "update", "wait"), (1, 2, 3, 4, 5), strict=True):
        assert f"<title>{phase} {100 * share / 15:.1f} %</title>" in text


def test_it_needs_nothing_else(tmp_path: Path) -> None:
    """A report names no address and has no script; only its own style sheet counts."""
    target = tmp_path / "report.html"
    run = read_run(str(write(tmp_path / "job", entries(20, end=outcome(20)))))
    assert write_report(run, str(target)) == f"{target}: digits, done, {size(target.stat().st_size)}"
    shown = Page(target.read_text())
    assert shown.addresses == ["data:,"]
    assert not shown.tags & {"script", "img", "iframe", "object", "form", "button"}
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org/)\w", target.read_text().replace("/jobs", ""))
    assert target.stat().st_size < 300_000


def test_the_cause_is_on_top() -> None:
    """A failed job's page begins with the probable cause, and tags in its words are text."""
    text = page(entries(3, end=FAILURE))
    assert text.index("Probable cause") < text.index(FAILURE.text) < text.index("<dl")
    assert "&lt;b&gt;line&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "Probable cause" not in page(entries(3, end=outcome(3)))


def test_names_of_the_data_are_text() -> None:
    """Names that hold tags or what moves a cursor are shown as they are written."""
    evil = '<script>alert("1")</script>\x1b[2J'
    listed = [*entries(3, document=job(evil)), Entry(START + 20, ProcessLost(evil))]
    text = page(listed)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text


def test_a_thousand_workers() -> None:
    """Sums come first, and of all processes only those that stand out have a row."""
    text = page(entries(20, workers=1000, end=outcome(20)))
    tables = Page(text).tables
    assert ["worker: memory", "1,000", "200 MiB", "224.5 MiB", "249 MiB"] in tables["summary"]
    assert ["newest round: read", "1,000", "0.01 s", "0.04 s", "0.07 s"] in tables["summary"]
    assert len(tables["processes"]) == 1 + MAX_PROCESSES
    assert {row[7] for row in tables["processes"][1:]} == {"0.15 s"}
    assert f"The slowest {MAX_PROCESSES} of 1,000 processes" in text
    assert len(text) < 300_000


def test_a_long_job() -> None:
    """However many epochs and events there are, a page stays small and says what it leaves out."""
    lost = [Entry(START + 1e5 + n, ProcessLost(f"worker {n} was lost")) for n in range(500)]
    text = page([*entries(3_000), *lost])
    tables = Page(text).tables
    assert len(tables["epochs"]) == 1 + MAX_EPOCHS
    assert len(tables["events"]) == 1 + MAX_EVENTS
    assert tables["epochs"][1][0] == "3000"
    assert "The newest 200 of 3,000 epochs." in text
    assert len(text) < 400_000


def test_few_entries() -> None:
    """A run that has told almost nothing has a page, too."""
    assert "running" in page(entries(0)[:1], START)
    assert charts.lines("a", {"b": [(1.0, 2.0)]}) == ""
    assert charts.shares("a", {"b": 0.0}) == ""


def test_lines_keep_their_ends() -> None:
    """A line of many points is drawn with fewer, its first and last among them."""
    points = [(float(n), float(n)) for n in range(10_000)]
    drawn = charts.thinned(points)
    assert len(drawn) == charts.MAX_POINTS
    assert (drawn[0], drawn[-1]) == (points[0], points[-1])


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (duration, 8.06, "8.1 s"),
        (duration, 725, "12:05 min"),
        (duration, 11_220, "3:07:00 h"),
        (size, 512, "512 B"),
        (size, 1.5 * 2**30, "1.5 GiB"),
        (size, 3 * 2**40, "3 TiB"),
        (seconds, 0.00081, "0.81 ms"),
        (seconds, 0.0, "0 s"),
        (seconds, 0.025, "0.025 s"),
        (number, None, "–"),
        (number, 0.05726265, "0.05726"),
        (number, 1_234_567.8, "1,234,568"),
    ],
)
def test_numbers(show: object, value: object, text: str) -> None:
    """Times, sizes and numbers are short."""
    assert callable(show)
    assert show(value) == text


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A report that can't be written is one sentence."""
    run = Run("/jobs/digits", entries(2), START)
    with pytest.raises(HistoryError, match=r"is a folder; give the name of a file, such as .*report\.html\."):
        write_report(run, str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="The report can't be written to"):
        write_report(run, str(tmp_path / "file/report.html"))


@pytest.mark.parametrize(
    ("largest", "unit", "labels"),
    [
        (3, 1, [0, 1, 2, 3]),
        (1000, 1, [0, 200, 400, 600, 800, 1000]),
        (288.0, None, [0, 100, 200, 300]),
        (0.9, None, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (202 * 2**20, 1024, [0, 2**26, 2**27, 3 * 2**26, 2**28]),
        (0.0, None, [0, 1]),
        (float("nan"), 1024, [0, 1]),
    ],
)
def test_scales(largest: float, unit: float | None, labels: list[float]) -> None:
    """A scale from 0 has round labels, whole ones for counts, powers of 2 for bytes, and room for the largest value."""
    assert charts.ticks(largest, unit) == pytest.approx(labels)
