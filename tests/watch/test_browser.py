"""Pages in a real browser, headless Chromium: live, in the dark, on a phone, by keyboard."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tests.processes import wait_for
from tests.watch.browser import ABSENT, REASON, cells, chromium
from tests.watch.histories import FAILURE, START, entries, epochs, outcome
from yarnml.watch import server as pages
from yarnml.watch.history.pieces import Pieces
from yarnml.watch.live import LivePage
from yarnml.watch.numbers import number
from yarnml.watch.page import html
from yarnml.watch.run import Run
from yarnml.watch.server import PageServer
from yarnml.watch.view import view_of

pytestmark = pytest.mark.skipif(ABSENT, reason=REASON)


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    with chromium() as driver:
        yield driver


def shown(browser: WebDriver, run: Run, folder: Path) -> float:
    """Show a report; the seconds until it can be used."""
    file = folder / "report.html"
    file.write_text(html(view_of(run)))
    browser.get(file.as_uri())
    timing = "const t = performance.timing; return (t.domInteractive - t.fetchStart) / 1000"
    return float(browser.execute_script(timing))


def test_a_report(browser: WebDriver, tmp_path: Path) -> None:
    """The values are those of the events, the plots are drawn, and nothing is fetched, refused or missing."""
    shown(browser, Run("/jobs/digits", entries(20, end=outcome(20)), START), tmp_path)
    assert cells(browser, "epochs")[0][:3] == ["20", "200", number(epochs(20)[-1].loss)]
    titles = [t.get_attribute("textContent") for t in browser.find_elements(By.CSS_SELECTOR, "figure svg text.title")]
    assert {"Loss by epoch", "accuracy by epoch", "Rows per second", "Where the time of a step goes"} <= {*titles}
    lines = browser.find_elements(By.CSS_SELECTOR, "figure svg .series path.line")
    assert lines
    assert all(line.size["width"] > 50 for line in lines)
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.get_log("browser") == []


def test_the_cause_of_a_failure(browser: WebDriver, tmp_path: Path) -> None:
    """A failed job shows its probable cause above everything else, and its detail on demand, by keyboard alone."""
    shown(browser, Run("/jobs/digits", entries(3, end=FAILURE), START), tmp_path)
    cause = browser.find_element(By.ID, "cause")
    assert FAILURE.text in cause.text
    assert cause.location["y"] < browser.find_element(By.ID, "facts").location["y"]
    assert "Traceback" not in cause.text
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert "Traceback: <b>line</b> 1" in cause.text


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_screen(browser: WebDriver, tmp_path: Path, width: int, scheme: str) -> None:
    """A page is as wide as a phone or a screen, and as dark as its reader's system."""
    browser.execute_cdp_cmd(  # type: ignore[no-untyped-call]
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.execute_cdp_cmd(  # type: ignore[no-untyped-call]
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    shown(browser, Run("/jobs/digits", entries(20, end=outcome(20)), START), tmp_path)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    script = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    paper = browser.execute_script(script)
    text = browser.execute_script(
        script.replace("document.body", "document.querySelector('svg text')").replace("backgroundColor", "fill")
    )
    assert (sum(paper) > sum(text)) == (scheme == "light")


def test_a_thousand_workers(browser: WebDriver, tmp_path: Path) -> None:
    """A page of a thousand workers is small, so that it can be used at once."""
    seconds = shown(browser, Run("/jobs/digits", entries(20, workers=1000, end=outcome(20)), START), tmp_path)
    assert browser.execute_script("return document.querySelectorAll('*').length") < 5_000
    assert seconds > 0
    assert ["worker: memory", "1,000"] in [row[:2] for row in cells(browser, "summary")]


@pytest.mark.long
def test_a_live_page(browser: WebDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers move without a click, what a reader has opened stays open, and an end shows."""
    monkeypatch.setattr(pages, "REFRESH_SECONDS", 0)
    now = time.time()
    moved = [entry.__class__(entry.time - START + now - 60, entry.event) for entry in entries(12, end=outcome(12))]
    pieces = Pieces(str(tmp_path))
    pieces.append(moved[:-11])
    with PageServer(LivePage(str(tmp_path)).render) as server:
        server.start()
        browser.get(server.address)
        assert browser.find_element(By.ID, "state").text == "running"
        before = len(cells(browser, "epochs"))
        browser.find_element(By.CSS_SELECTOR, "#fields summary").click()
        pieces.append(moved[-11:])
        wait_for("news on the page", lambda: len(cells(browser, "epochs")) > before, 60)
        assert browser.find_element(By.ID, "state").text == "done"
        assert browser.find_element(By.ID, "fields").get_attribute("open") is not None
        server.shutdown()
    wait_for("word of its end", lambda: "No answer" in browser.find_element(By.ID, "link").text, 60)
    browser.get("about:blank")
    browser.get_log("browser")  # of a server that is gone, which is no fault of the next page
