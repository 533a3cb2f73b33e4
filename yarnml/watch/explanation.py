"""The page of an explanation: which features matter to a model, and how its outputs follow them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from yarnml.watch import charts
from yarnml.watch.page import explanation_page
from yarnml.watch.view import Table

MAX_BARS = 20
MAX_DEPENDENCES = 12
MAX_CURVES = 12
"""Features, and rows, that have a place in a chart: the tables beside the page have all."""

Array = npt.NDArray[Any]


class Effects(NamedTuple):
    """All that a page shows.

    ``names`` of the features; ``size`` [features, outputs]: mean sizes of their SHAP values.
    ``importances``: by column, in the metric; empty without labels.
    ``grid`` [features, values]; ``dependence`` [features, values, outputs]: the mean outputs there; ``curves``
    [features, values, rows, outputs]: those of single rows.
    """

    names: Sequence[str]
    outputs: Sequence[str]
    metric: str
    size: Array
    importances: Mapping[str, float]
    grid: Array
    dependence: Array
    curves: Array


def page(title: str, facts: Sequence[tuple[str, str]], effects: Effects) -> str:
    """Make the page: importances, mean SHAP values, then the dependences of the features that matter most."""
    by_size = np.argsort(-effects.size.sum(axis=1), kind="stable")
    pictures = [charts.bars(f"Importance by {effects.metric}", _largest(effects.importances))]
    sizes = {effects.names[k]: float(effects.size[k].sum()) for k in by_size[:MAX_BARS]}
    pictures.append(charts.bars("Mean size of SHAP values", sizes))
    for k in by_size[:MAX_DEPENDENCES]:
        pictures.append(_dependence(effects, int(k)))
    heads = ["feature", "mean |SHAP|", *(["importance"] if effects.importances else [])]
    rows = []
    for k in by_size:
        name = effects.names[k]
        own = effects.importances.get(name)
        cells = [name, f"{effects.size[k].sum():.4g}"]
        rows.append([*cells, *([f"{own:.4g}" if own is not None else "–"] if effects.importances else [])])
    return explanation_page(title, facts, [picture for picture in pictures if picture], Table(heads, rows))


def _dependence(effects: Effects, feature: int) -> str:
    """The mean output by the values of a feature, and the curves of some rows where there is one output to show."""
    x = effects.grid[feature].astype(float)
    of_outputs = effects.dependence[feature]
    shown = range(of_outputs.shape[1])[-1:] if of_outputs.shape[1] <= 2 else range(of_outputs.shape[1])[:MAX_CURVES]
    series = {f"mean, {effects.outputs[k]}": _points(x, of_outputs[:, k]) for k in shown}
    if len(shown) == 1:
        for row in range(min(MAX_CURVES, effects.curves.shape[2])):
            series[f"row {row}"] = _points(x, effects.curves[feature, :, row, shown[0]])
    return charts.lines(f"Output by {effects.names[feature]}", series)


def _points(x: Array, y: Array) -> list[tuple[float, float]]:
    """Pairs of x and y, of which each x comes once."""
    return [*dict(zip(x.tolist(), y.tolist(), strict=True)).items()]


def _largest(importances: Mapping[str, float]) -> dict[str, float]:
    ordered = sorted(importances.items(), key=lambda pair: -pair[1])
    return dict(ordered[:MAX_BARS])
