"""The curves of an outcome, for a notebook: they show themselves there, and can be saved."""

from importlib.resources import files
from pathlib import Path

from yarnml.errors import HistoryError, translated
from yarnml.events.events import Outcome
from yarnml.storage import local
from yarnml.watch import charts

ALONE = "body { margin: 0; padding: 0; overflow: hidden; }"
"""Style of a chart that has a frame for itself."""


class Curves:
    """Charts by epoch, one a metric; the last line of a notebook's cell shows them.

    ``charts``: SVGs by the name of the metric.
    """

    def __init__(self, charts: dict[str, str]) -> None:
        self.charts = charts

    def _repr_html_(self) -> str:
        """Show all charts beside one another, as a notebook asks for it."""
        return f'<div style="display:flex;flex-wrap:wrap">{"".join(map(_framed, self.charts.values()))}</div>'

    def save(self, file: str) -> str:
        """Write the charts as one HTML file; returns its path."""
        path = Path(file).absolute()
        with translated(HistoryError, f"The curves can't be written to {path}"):
            local.write(str(path), f'<!doctype html><meta charset="utf-8">{self._repr_html_()}'.encode())
        return str(path)


def plot(outcome: Outcome) -> Curves:
    """Draw what an outcome has of its epochs; HistoryError where that is less than two of them."""
    table = outcome.history
    epochs = table.get("epoch", [])
    drawn = {}
    for name, values in table.items():
        pairs = zip(epochs, values, strict=True)
        points = [(float(epoch), value) for epoch, value in pairs if epoch is not None and value is not None]
        if name not in ("epoch", "step"):
            drawn[name] = charts.lines(f"{name} by epoch", {name: points})
    drawn = {name: chart for name, chart in drawn.items() if chart}
    if not drawn:
        raise HistoryError(f"{outcome.name} has {len(epochs)} epochs to plot; a curve takes two, see training.epochs.")
    return Curves(drawn)


def _framed(chart: str) -> str:
    """Put a chart with its style where it touches no other part of a notebook."""
    style = files("yarnml.watch").joinpath("page.css").read_text(encoding="utf-8")
    document = f"<style>{style}{ALONE}</style>{chart}".replace("&", "&amp;").replace('"', "&quot;")
    return f'<iframe srcdoc="{document}" width="{charts.WIDTH}" height="{charts.HEIGHT}" style="border:0"></iframe>'
