"""Views as HTML, by the templates and the style sheet beside this module."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from yarnml.errors import HistoryError
from yarnml.events.public import shown
from yarnml.watch.view import Table, View

REFRESH_SECONDS = 5
"""Time between two looks of a live page for news."""


def html(view: View, *, live: bool = False) -> str:
    """Make the page of a view; one that is ``live`` fetches itself again and again."""
    text: str = _template("page.html").render(view=view, live=live, style=_file("page.css"), seconds=REFRESH_SECONDS)
    return text


def index(title: str, runs: Table) -> str:
    """Make a page that lists runs, each with a link."""
    text: str = _template("index.html").render(title=title, runs=runs, style=_file("page.css"))
    return text


def explanation_page(title: str, facts: Sequence[tuple[str, str]], charts: Sequence[str], features: Table) -> str:
    """Make the page of an explanation; ``charts``: SVGs."""
    template = _template("explanation.html")
    text: str = template.render(title=title, facts=facts, charts=charts, features=features, style=_file("page.css"))
    return text


def look_page(title: str, facts: Sequence[str], charts: Sequence[str], columns: Table) -> str:
    """Make the page of a look at data; ``charts``: SVGs."""
    template = _template("look.html")
    text: str = template.render(title=title, facts=facts, charts=charts, columns=columns, style=_file("page.css"))
    return text


@lru_cache
def _template(name: str) -> Any:
    try:
        import jinja2  # an option
    except ImportError as exc:
        raise HistoryError("Pages and reports need pygal and Jinja2: pip install 'yarnml[watch]'.") from exc
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_file),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(name)


def _visible(value: Any) -> Any:
    """Return a text as it may be shown; one that is HTML already stays."""
    return shown(value) if type(value) is str else value


def _file(name: str) -> str:
    return files("yarnml.watch").joinpath(name).read_text(encoding="utf-8")
