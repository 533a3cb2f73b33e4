"""Pages that follow histories as they grow: of one run, and of all runs below a folder."""

import hashlib
import time
from importlib.util import find_spec

from yarnml.errors import HistoryError
from yarnml.watch.history.pieces import HistoryReader, NoHistory
from yarnml.watch.page import html, index
from yarnml.watch.run import Run
from yarnml.watch.runs import HEADS, newest_first, row_of, run_folders
from yarnml.watch.view import Table, beginning, view_of

MAX_RUNS = 500
"""Runs that an index lists: of more the newest."""


def is_available() -> bool:
    """Tell whether the libraries for pages are installed."""
    return all(find_spec(name) for name in ("pygal", "jinja2"))


class LivePage:
    """The page of one job."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._reader = HistoryReader(folder)

    def render(self, path: str) -> str | None:
        """Make the page, also before the history begins; there is no other one."""
        if path:
            return None
        try:
            return html(view_of(self.run()), live=True)
        except NoHistory:
            return html(beginning(self._folder), live=True)

    def run(self) -> Run:
        """Read the run as it is now."""
        return Run(self._folder, self._reader.read(), time.time())


class Runs:
    """The pages of all runs below a folder, and an index of them.

    A page's path is a digest of its run's folder, so that a request can name nothing else.
    """

    def __init__(self, top: str) -> None:
        self._top = top
        self._pages: dict[str, LivePage] = {}

    def render(self, path: str) -> str | None:
        """Make the index, or the page of a run."""
        if path:
            return self._pages[path].render("") if path in self._pages else None
        folders = {_digest(folder): folder for folder in run_folders(self._top)}
        self._pages = {digest: self._pages.get(digest) or LivePage(folder) for digest, folder in folders.items()}
        runs = []
        unreadable = []
        for page in self._pages.values():
            try:
                runs.append(page.run())
            except HistoryError as exc:
                unreadable.append(f"Left out: {exc}")
        newest = newest_first(runs)[:MAX_RUNS]
        more = [f"The newest {MAX_RUNS} of {len(runs):,} runs."] if len(runs) > MAX_RUNS else []
        rows = [[*row_of(run)] for run in newest]
        note = " ".join([*more, *unreadable])
        return index(self._top, Table([*HEADS], rows, note, [_digest(run.folder) for run in newest]))


def _digest(folder: str) -> str:
    return hashlib.sha256(folder.encode()).hexdigest()[:24]
