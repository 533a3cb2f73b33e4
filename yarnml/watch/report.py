"""A report: the page of a run as one file, which needs no other file, no script and no network."""

from pathlib import Path

from yarnml.errors import HistoryError, translated
from yarnml.storage import local
from yarnml.watch.numbers import size
from yarnml.watch.page import html
from yarnml.watch.run import Run
from yarnml.watch.view import view_of


def write_report(run: Run, output: str) -> str:
    """Write a run's report in the place of an old one; a sentence about it."""
    data = html(view_of(run)).encode()
    path = Path(output).absolute()
    if path.is_dir():
        raise HistoryError(f"{path} is a folder; give the name of a file, such as {path / 'report.html'}.")
    with translated(HistoryError, f"The report can't be written to {path}"):
        local.write(str(path), data)
    return f"{path}: {run.name}, {run.state}, {size(len(data))}"
