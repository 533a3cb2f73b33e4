"""The curves of an outcome."""

from pathlib import Path

import pytest

from yarnml.errors import HistoryError
from yarnml.events.events import Outcome


def test_the_curves_of_an_outcome(tmp_path: Path) -> None:
    """A notebook shows a curve for each metric, and a file keeps them; without two epochs there is a sentence."""
    history: dict[str, list[float | None]] = {
        "epoch": [1, 2, 3],
        "loss": [3.0, 2.0, 1.0],
        "accuracy": [None, 0.5, 0.75],
    }
    done = Outcome("digits", 3, 3, {}, {}, "folder", history=history)
    curves = done.plot()
    assert [*curves.charts] == ["loss", "accuracy"]
    assert "loss 2 at 2" in curves.charts["loss"]
    assert curves._repr_html_().count("<iframe") == 2
    assert Path(curves.save(str(tmp_path / "curves.html"))).read_text().startswith("<!doctype html>")
    with pytest.raises(HistoryError, match="digits has 0 epochs to plot; a curve takes two"):
        Outcome("digits", 3, 3, {}, {}, "folder").plot()
