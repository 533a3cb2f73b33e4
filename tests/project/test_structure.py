"""The house rules hold: few entries at the top, one assignment a line, docstrings and names that stand alone."""

from pathlib import Path

import pytest

from tests.project.structure import (
    ROOT,
    Place,
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
    places, assigned = packs_of(tree)
    allowed = max(int(MAX_PACKED_SHARE * assigned), ALLOWED_PACKED.get(tree, 0))
    assert len(places) <= allowed, "\n".join(map(str, places))


def packs_of(tree: str) -> tuple[list[Place], int]:
    """The assignments of a tree that pack several into one line, and the number of all."""
    places: list[Place] = []
    assigned = 0
    for file in sources(tree):
        places += packed(file)
        assigned += sum(1 for _ in assignments(file))
    return places, assigned


@pytest.mark.parametrize("tree", TREES)
def test_no_file_leaves_a_rule(tree: str) -> None:
    """No docstring is a fragment, no name a pronoun, no file too long, but for what is listed in ``ALLOWED``."""
    beyond: list[Place] = []
    for file in sources(tree):  # file by file: each is read once for all rules
        for name, rule in RULES.items():
            places = [*rule(file)]
            if places and len(places) > ALLOWED[name].get(places[0].file, 0):
                beyond += places
    assert not beyond, "\n".join(map(str, beyond))


@pytest.mark.parametrize("rule", RULES)
def test_the_list_of_exceptions_only_shrinks(rule: str) -> None:
    """Every file in ``ALLOWED`` still leaves the rule: one that has become good is taken off the list."""
    needless = [file for file in ALLOWED[rule] if not (ROOT / file).exists() or not [*RULES[rule](ROOT / file)]]
    assert not needless


def test_the_trees_that_pack_only_become_fewer() -> None:
    """Every tree in ``ALLOWED_PACKED`` still packs too often."""
    counts = {tree: packs_of(tree) for tree in ALLOWED_PACKED}
    assert not [tree for tree, (packs, assigned) in counts.items() if len(packs) <= MAX_PACKED_SHARE * assigned]
