"""A real browser, headless Chromium, for pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.webdriver.remote.webdriver import WebDriver

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

ABSENT = not (CHROMIUM and DRIVER)
REASON = "there is no Chromium: Debian's packages chromium and chromium-driver bring it"


@contextmanager
def chromium() -> Iterator[WebDriver]:
    """A browser that reaches no network but this machine."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def cells(browser: WebDriver, table: str) -> list[list[str]]:
    """The texts of the rows of a table of a page, by its id."""
    rows_of = "[...document.querySelectorAll(`#${arguments[0]} tbody tr`)]"
    rows: list[list[str]] = browser.execute_script(
        f"return {rows_of}.map(row => [...row.cells].map(cell => cell.textContent))", table
    )
    return rows
