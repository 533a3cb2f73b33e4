"""Charts as SVG, by pygal: drawn once on the server, so that a page needs neither scripts nor a network.

Colours and fonts are left to the page's style sheet, which knows light and dark.
"""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yarnml.errors import HistoryError
from yarnml.watch.numbers import duration

MAX_TICKS = 5
"""Steps of a scale that begins at 0."""

MAX_POINTS = 120
"""Points of a line that are drawn: more can't be told apart."""

WIDTH = 560
HEIGHT = 260

ROW_HEIGHT = 18
"""Height of a line of a timeline."""

Points = Sequence[tuple[float, float]]
"""Pairs of x and y, in the order of x."""


def lines(
    title: str,
    series: Mapping[str, Points],
    show_x: Callable[[float], str] = "{:g}".format,
    show_y: Callable[[float], str] = "{:.4g}".format,
    *,
    from_zero: bool = False,
    unit: float | None = None,
) -> str:
    """Draw lines over a common x; empty where no line has two points.

    The value of a point is its tooltip.  ``from_zero``: the scale begins at 0, and has labels at round multiples of
    ``unit``, 1 for counts or 1024 for bytes; by default of a tenth, a hundredth, …
    """
    drawn = {name: thinned(points) for name, points in series.items() if len(points) > 1}
    if not drawn:
        return ""
    pygal = _pygal()
    chart = pygal.XY(
        **_OPTIONS,
        style=pygal.style.Style(**_FONTS),
        title=title,
        show_legend=len(drawn) > 1,
        x_value_formatter=show_x,
        value_formatter=show_y,
        x_labels_major_count=5,
        show_minor_x_labels=False,
        include_x_axis=from_zero,
    )
    if from_zero:
        chart.y_labels = ticks(max(y for points in drawn.values() for _, y in points), unit)
    for name, points in drawn.items():
        labelled = [{"value": (x, y), "label": f"{name} {show_y(y)} at {show_x(x)}"} for x, y in points]
        chart.add(name, labelled)
    return _drawn(chart)


def over_time(
    title: str,
    series: Mapping[str, Points],
    show_y: Callable[[float], str] = "{:,.4g}".format,
    unit: float | None = None,
) -> str:
    """Draw lines over seconds, on a scale from 0; ``unit``: as in `lines`."""
    return lines(title, series, duration, show_y, from_zero=True, unit=unit)


def timeline(title: str, spans: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw from when to when each of some things lasted, in seconds, a line for each; empty where there is none."""
    if not spans:
        return ""
    pygal = _pygal()
    chart = pygal.XY(
        **_OPTIONS | {"height": max(HEIGHT, ROW_HEIGHT * len(spans))},
        style=pygal.style.Style(**_FONTS),
        title=title,
        show_legend=False,
        allow_interruptions=True,
        x_value_formatter=duration,
        include_x_axis=True,
        range=(-0.5, len(spans) - 0.5),
    )
    names = [*spans][::-1]  # the first one on top
    chart.y_labels = [{"value": place, "label": name} for place, name in enumerate(names)]
    points: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        for begin, end in spans[name]:
            label = f"{name} from {duration(begin)} to {duration(end)}"
            points += [{"value": (at, place), "label": label} for at in (begin, end)]
            points.append({"value": (None, None)})
    chart.add("took part", points)
    return _drawn(chart)


def shares(title: str, parts: Mapping[str, float]) -> str:
    """Draw the share of each part in the sum of all as a bar; empty where the sum is 0."""
    total = sum(parts.values())
    if not total > 0:
        return ""
    pygal = _pygal()
    chart = pygal.HorizontalBar(
        **_OPTIONS,
        style=pygal.style.Style(**_FONTS),
        title=title,
        show_legend=False,
        value_formatter="{:.0f} %".format,
    )
    bars = [(name, 100 * value / total) for name, value in reversed([*parts.items()])]  # the first one on top
    chart.x_labels = [name for name, _ in bars]
    chart.y_labels = ticks(max(share for _, share in bars))
    chart.add("share", [{"value": share, "label": f"{name} {share:.1f} %"} for name, share in bars])
    return _drawn(chart)


def bars(title: str, parts: Mapping[str, float]) -> str:
    """Draw a bar for each part, the first one on top; empty where there is none."""
    if not parts:
        return ""
    pygal = _pygal()
    options = _OPTIONS | {"height": max(HEIGHT, 60 + 22 * len(parts))}
    chart = pygal.HorizontalBar(
        **options,
        style=pygal.style.Style(**_FONTS),
        title=title,
        show_legend=False,
        value_formatter="{:.4g}".format,
    )
    pairs = [*reversed([*parts.items()])]
    chart.x_labels = [name for name, _ in pairs]
    chart.add("", [{"value": value, "label": f"{name} {value:.4g}"} for name, value in pairs])
    return _drawn(chart)


def ticks(largest: float, unit: float | None = None) -> list[float]:
    """Choose round values from 0 to the first one that is not below ``largest``, `MAX_TICKS` steps at most.

    ``unit``: 1 for whole numbers; 1024 for bytes, whose steps are powers of 2; None for any.
    """
    if not 0 < largest < math.inf:
        return [0.0, 1.0]
    least = largest / MAX_TICKS
    if unit == 1024:
        step = 2.0 ** math.ceil(math.log2(max(least, 1.0)))
    else:
        power = 10.0 ** math.floor(math.log10(least))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))
        step = max(step, unit or 0.0)
    return [number * step for number in range(math.ceil(largest / step * (1 - 1e-9)) + 1)]


def thinned(points: Points) -> Points:
    """At most `MAX_POINTS` of the points, with the first and the last."""
    if len(points) <= MAX_POINTS:
        return points
    last = len(points) - 1
    return [points[round(number * last / (MAX_POINTS - 1))] for number in range(MAX_POINTS)]


_OPTIONS: dict[str, Any] = {
    "width": WIDTH,
    "height": HEIGHT,
    "explicit_size": False,
    "disable_xml_declaration": True,
    "no_prefix": True,
    "js": [],
    "legend_at_bottom": True,
    "truncate_legend": 40,
    "dots_size": 2.5,
    "margin": 12,
    "margin_right": 24,
    "max_scale": 6,
}

_FONTS = {"title_font_size": 16, "label_font_size": 13, "major_label_font_size": 13, "legend_font_size": 13}
"""Sizes for which there has to be room; those of the style sheet."""


def _pygal() -> Any:
    try:
        import pygal  # an option
        import pygal.style
    except ImportError as exc:
        raise HistoryError("Pages and reports need pygal and Jinja2: pip install 'yarnml[watch]'.") from exc
    # It has a hook for maps, which Python warns of at every later import of this process.
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
    return pygal


def _drawn(chart: Any) -> str:
    chart.add_xml_filter(_plain)
    svg = chart.render(is_unicode=True)
    return str(svg[svg.index("<svg") :])


def _plain(root: Any) -> Any:
    """Leave pygal's style sheet and script out, and make the words of a point its tooltip."""
    for definitions in root.findall("defs"):
        root.remove(definitions)
    root.set("role", "img")
    root.attrib.pop("id", None)
    for parent in root.iter():
        for child in list(parent):
            kind = child.get("class") or ""
            is_comment = not isinstance(child.tag, str)
            if is_comment or "tooltip-overlay" in kind or "text-overlay" in kind:
                parent.remove(child)
            elif child.tag == "desc":
                parent.remove(child)
                if kind == "label":
                    title = type(child)("title")
                    title.text = child.text
                    parent.insert(0, title)
    return root
