"""The pictures of docs/watch.md, of histories made for them: ``python -m tests.watch.screenshots``."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.watch.histories import FAILURE, START, entries, outcome
from yarnml.watch.page import html
from yarnml.watch.run import Run
from yarnml.watch.view import view_of

DOCS = Path(__file__).parents[2] / "docs"

PICTURES = {
    "watch-page.png": (Run("/jobs/digits", entries(20, end=outcome(20)), START), "1000,900", ()),
    "watch-failed.png": (Run("/jobs/digits", entries(12, end=FAILURE), START), "500,760", ("--force-dark-mode",)),
}
"""File → the run, the size of the window, and further options."""


def main() -> None:
    """Write every picture; Debian's package chromium brings the browser."""
    browser = shutil.which("chromium")
    if not browser:
        raise SystemExit("There is no chromium: Debian's package of that name brings it.")
    for name, (run, size, options) in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "page.html")
            page.write_text(html(view_of(run)))
            line = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
            target = f"--screenshot={DOCS / name}"
            subprocess.run([*line, f"--window-size={size}", target, page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
