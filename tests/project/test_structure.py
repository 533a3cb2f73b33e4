"""The house rules hold: few entries at the top, one assignment a line, docstrings and names that stand alone."""

from collections import Counter
from pathlib import Path

import pytest

from tests.project.structure import (
    ROOT,
    assignments,
    fragments,
    long_files,
    packed,
    sources,
    untelling_names,
)

TREES = ("yarnml", "benchmarks", "examples", "appspec", "docker", "tests")

MAX_ENTRIES = 19
"""Rooms and single files at the top of the package: what a newcomer reads before anything else."""

MAX_PACKED_SHARE = 0.01
"""Of a tree's assignments, those that pack several into one line."""

ALLOWED_PACKED: dict[str, int] = {}
"""Trees that pack more often than that, with their number of packs.  It may only fall."""

ALLOWED: dict[str, dict[str, int]] = {
    "fragments": {},
    "untelling_names": {},
    "long_files": {},
}
"""Files that still leave a rule, each with how often.  The numbers may only fall: a needless entry is an error."""

RULES = {rule.__name__: rule for rule in (fragments, untelling_names, long_files)}


def test_the_top_of_the_package_can_be_read_at_a_glance() -> None:
    """The package has at most 19 rooms and files, not counting what Python's packaging asks for."""
    # A room that moved away leaves a folder of compiled files in a checkout that had it; that is no entry.
    entries = {path.name for path in (ROOT / "yarnml").iterdir() if not is_left_over(path)} - {"py.typed"}
    rooms = sorted(name for name in entries if not name.startswith("__"))
    assert len(rooms) <= MAX_ENTRIES, rooms


def is_left_over(path: Path) -> bool:
    return path.is_dir() and all("__pycache__" in file.parts for file in path.rglob("*") if file.is_file())


@pytest.mark.parametrize("tree", TREES)
def test_an_assignment_sets_one_name(tree: str) -> None:
    """Fewer than one assignment in a hundred packs several into one line, but for the trees of ``ALLOWED_PACKED``."""
    places = [str(place) for file in sources(tree) for place in packed(file)]
    assert len(places) <= max(most_packed(tree), ALLOWED_PACKED.get(tree, 0)), "\n".join(places)


def most_packed(tree: str) -> int:
    return int(MAX_PACKED_SHARE * sum(1 for file in sources(tree) for _ in assignments(file)))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("tree", TREES)
def test_no_file_leaves_a_rule(tree: str, rule: str) -> None:
    """No docstring is a fragment, no name a pronoun, no file too long, but for what is listed in ``ALLOWED``."""
    places = [place for file in sources(tree) for place in RULES[rule](file)]
    counts = Counter(place.file for place in places)
    beyond = [str(place) for place in places if counts[place.file] > ALLOWED[rule].get(place.file, 0)]
    assert not beyond, "\n".join(beyond)


@pytest.mark.parametrize("rule", RULES)
def test_the_list_of_exceptions_only_shrinks(rule: str) -> None:
    """Every file in ``ALLOWED`` still leaves the rule: one that has become good is taken off the list."""
    needless = [file for file in ALLOWED[rule] if not (ROOT / file).exists() or not [*RULES[rule](ROOT / file)]]
    assert not needless


def test_the_trees_that_pack_only_become_fewer() -> None:
    """Every tree in ``ALLOWED_PACKED`` still packs too often."""
    counts = {tree: sum(1 for file in sources(tree) for _ in packed(file)) for tree in ALLOWED_PACKED}
    assert not [tree for tree, count in counts.items() if count <= most_packed(tree)]
