"""The drawing of the house, docs/house.svg, made of the source: ``python -m tests.project.drawing`` (``make house``).

The layers are those of the first contract in pyproject.toml, the words of a box are the first line of a room's
docstring, and the arrows are the imports between rooms.
"""

import ast
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from benchmarks.svg import Page, wrapped

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs/house.svg"
PACKAGE = ROOT / "yarnml"

WIDTH = 1060
MARGIN = 30
GAP = 36  # pixels between two layers, where arrows turn
BETWEEN = 24  # pixels between two boxes of a layer
LANE = 26  # pixels that an arrow takes which passes a layer
LINE = 18  # pixels of a line of text

Imports = Mapping[str, frozenset[str]]
"""Every room and file at the top of the package, with those that it imports."""


class Item(NamedTuple):
    """A box of a layer, or the lane of arrows that pass it on their way to ``name``."""

    name: str
    lane: bool = False


Step = tuple[int, Item, Item]
"""The number of a layer, an item of it, and the item of the next layer that an arrow leads to."""


class Place(NamedTuple):
    """A rectangle of the page, in pixels."""

    left: float
    top: float
    width: float
    height: float


def layers() -> list[list[str]]:
    """Rooms by layer, from top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    names = [[part.strip().removeprefix("yarnml.") for part in layer.split("|")] for layer in contracts[0]["layers"]]
    return [layer for layer in names if layer != ["__main__"]]


def source(name: str) -> list[Path]:
    """All files of a room, or the one file of that name."""
    return sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / f"{name}.py"]


def words(name: str) -> str:
    """The first line of a room's docstring."""
    folder = PACKAGE / name / "__init__.py"
    path = folder if folder.exists() else PACKAGE / f"{name}.py"
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text, f"{path} needs a docstring: a line that says what it is"
    return " ".join(text.splitlines()[0].replace("``", "").split())


def imports(names: Iterable[str]) -> Imports:
    """The imports between rooms, read from the source."""
    known = frozenset(names)
    return {name: frozenset().union(*map(_imported, source(name))) & known - {name} for name in known}


def _imported(file: Path) -> set[str]:
    """The entries at the top of the package that a file imports."""
    entries: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "yarnml":
            entries |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("yarnml."):
            entries.add(node.module.split(".")[1])
    return entries


def arrows(used: Imports) -> set[tuple[str, str]]:
    """The imports that no chain of others says already."""
    below: dict[str, set[str]] = {}

    def reached(name: str) -> set[str]:
        if name not in below:
            below[name] = set().union(*({other} | reached(other) for other in used[name]))
        return below[name]

    return {(a, b) for a in used for b in used[a] if not any(b in reached(other) for other in used[a] - {b})}


def arranged(rows: Sequence[Sequence[str]], lines: Iterable[tuple[str, str]]) -> tuple[list[list[Item]], list[Step]]:
    """Boxes and lanes in an order that crosses few arrows, and the arrows cut into steps from layer to layer."""
    level = {name: number for number, row in enumerate(rows) for name in row}
    items: list[list[Item]] = [[Item(name) for name in row] for row in rows]
    steps: set[Step] = set()
    for start, end in sorted(lines):
        way = [Item(start), *(Item(end, lane=True) for _ in range(level[start] + 1, level[end])), Item(end)]
        for depth, (upper, lower) in enumerate(pairwise(way), level[start]):
            steps.add((depth, upper, lower))
            if lower not in items[depth + 1]:
                items[depth + 1].append(lower)
    for depth in range(1, len(items)):
        at = {item: place for place, item in enumerate(items[depth - 1])}
        middle = {item: _mean([at[a] for d, a, b in steps if d == depth - 1 and b == item]) for item in items[depth]}
        items[depth].sort(key=lambda item: middle[item])
    return items, sorted(steps)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def placed(items: Sequence[Sequence[Item]]) -> list[dict[Item, Place]]:
    """A place for every item; boxes share what lanes leave of their layer."""
    places: list[dict[Item, Place]] = []
    top = 96.0
    for row in items:
        boxes = [item for item in row if not item.lane]
        room = WIDTH - 2 * MARGIN - BETWEEN * (len(row) - 1) - LANE * (len(row) - len(boxes))
        width = room / len(boxes)
        height = max(len(_lines(box.name, width)) for box in boxes) * LINE + 40
        left = float(MARGIN)
        places.append({})
        for item in row:
            own = LANE if item.lane else width
            places[-1][item] = Place(left, top, own, height)
            left += own + BETWEEN
        top += height + GAP
    return places


def _lines(name: str, width: float) -> list[str]:
    """The text of a box under its name."""
    return wrapped(words(name), int((width - 28) / 7.2))


def draw(page: Page, places: Sequence[Mapping[Item, Place]], steps: Sequence[Step]) -> None:
    """The arrows, layer by layer: straight down where two items are above each other, else in a curve."""
    ends = {step: _ends(places[step[0]][step[1]], places[step[0] + 1][step[2]]) for step in steps}
    for at in (0, 1):  # keep arrows apart that leave or reach the same box
        for depth, item in {(step[0], step[1 + at]) for step in steps}:
            own = [step for step in steps if (step[0], step[1 + at]) == (depth, item)]
            place = places[depth + at][item]
            own.sort(key=lambda step: (ends[step][at], ends[step][1 - at]))
            for step, x in zip(own, _spread([ends[step][at] for step in own], place), strict=True):
                ends[step] = (x, ends[step][1]) if at == 0 else (ends[step][0], x)
    for (depth, upper, lower), (start, end) in ends.items():
        above = places[depth][upper]
        below = places[depth + 1][lower]
        page.arrow(start, above.top + above.height, end, below.top, head=not lower.lane)
        if lower.lane:
            page.arrow(end, below.top, end, below.top + below.height, head=False)


def _ends(above: Place, below: Place) -> tuple[float, float]:
    """The points at which an arrow between two items would best begin and end."""
    low = max(above.left, below.left)
    high = min(above.left + above.width, below.left + below.width)
    if low <= high:
        return (low + high) / 2, (low + high) / 2
    return (above.left + above.width, below.left) if low == below.left else (above.left, below.left + below.width)


def _spread(wishes: Sequence[float], place: Place) -> list[float]:
    """Points on a side of a box near to the wishes, in their order, not too near to each other and to the corners."""
    inset = min(LANE / 2, place.width / 2)
    low = place.left + inset
    high = place.left + place.width - inset
    apart = min(30.0, (high - low) / max(1, len(wishes) - 1))
    points: list[float] = []
    for number, wish in enumerate(wishes):
        least = points[-1] + apart if points else low
        points.append(min(max(wish, least), high - apart * (len(wishes) - 1 - number)))
    return points


def house() -> bytes:
    """The file, the same bytes for the same source."""
    rows = layers()
    used = imports(name for row in rows for name in row)
    items, steps = arranged(rows, arrows(used))
    places = placed(items)
    last = next(iter(places[-1].values()))
    page = Page(WIDTH, last.top + last.height + MARGIN)
    page.text(MARGIN, 46, "The house of yarnml", "title")
    page.text(MARGIN, 70, "Rooms import what stands below them. An arrow is left out where a chain of others says it.")
    draw(page, places, steps)
    for row in places:
        for item, place in row.items():
            if not item.lane:
                _box(page, item.name, place)
    return page.svg("The rooms of yarnml and what they import").encode()


def _box(page: Page, name: str, place: Place) -> None:
    folder = (PACKAGE / name).is_dir()
    page.box(place.left, place.top, place.width, place.height, "room" if folder else "file")
    page.text(place.left + 14, place.top + 24, f"{name}/" if folder else f"{name}.py", "name")
    for number, line in enumerate(_lines(name, place.width)):
        page.text(place.left + 14, place.top + 44 + LINE * number, line)


if __name__ == "__main__":
    TARGET.write_bytes(house())
