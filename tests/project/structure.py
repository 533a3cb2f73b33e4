"""Facts about the source that the house rules speak of, read from the syntax tree.

``python -m tests.project.structure yarnml/master`` prints every place below a folder that leaves a rule.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

MAX_LINES = 250

_FRAGMENT = re.compile(r"(Of|As|The same|What|Who|Whether|Where|How)\b")

UNTELLING = frozenset(
    {"found", "there", "here", "told", "much", "each", "theirs", "mine", "its", "most", "his", "her", "them", "these"}
    | {"those", "others", "whoever", "wanted"}
)
"""Pronouns, adverbs and participles.  ``every`` is not among them: it is a field of the job file."""


class Place(NamedTuple):
    """A line of a file, relative to the project, and what is said about it."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def sources(*folders: str) -> list[Path]:
    """All Python files below these folders of the project; a file stands for itself."""
    paths = [ROOT / folder for folder in folders]
    return sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py")))


def assignments(file: Path) -> Iterator[tuple[ast.Assign | ast.AnnAssign, bool]]:
    """Every assignment, and whether it packs several into one line.

    A swap is no pack: a name stands on both sides.
    """
    for node in _nodes(file):
        if isinstance(node, ast.Assign):
            yield node, len(node.targets) > 1 or _packs(node)
        elif isinstance(node, ast.AnnAssign):
            yield node, False


def packed(file: Path) -> Iterator[Place]:
    """The assignments that pack several into one line."""
    for node, is_packed in assignments(file):
        if is_packed:
            yield _place(file, node, f"several assignments in one line: {ast.unparse(node)[:80]}")


def fragments(file: Path) -> Iterator[Place]:
    """Docstrings whose first line does not stand alone."""
    for node in _nodes(file):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and _FRAGMENT.match(text):
                first = node.body[0]
                yield _place(file, first, f"a docstring that does not stand alone: {text.splitlines()[0][:80]}")


def untelling_names(file: Path) -> Iterator[Place]:
    """Variables, parameters, fields and functions named by a pronoun, an adverb or a participle."""
    for node in _nodes(file):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.attr
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        else:
            continue
        if name.lstrip("_") in UNTELLING:
            yield _place(file, node, f"the name '{name}' does not say what it is")


def long_files(file: Path) -> Iterator[Place]:
    """A file of more lines than one thing takes."""
    lines = file.read_text(encoding="utf-8").count("\n")
    if lines > MAX_LINES:
        yield Place(_name(file), 1, f"{lines} lines: look for the missing noun")


RULES = (packed, fragments, untelling_names, long_files)


@lru_cache(maxsize=1)  # all rules for one file, then the next
def _nodes(file: Path) -> list[ast.AST]:
    return [*ast.walk(ast.parse(file.read_text(encoding="utf-8")))]


def _packs(node: ast.Assign) -> bool:
    (target,) = node.targets
    if not (isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)):
        return False
    left = {ast.unparse(element) for element in target.elts}
    right = {ast.unparse(inner) for element in node.value.elts for inner in ast.walk(element)}
    return not left & right


def _place(file: Path, node: ast.AST, text: str) -> Place:
    return Place(_name(file), getattr(node, "lineno", 1), text)


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def main() -> None:
    """Print the places that leave a rule, and how many there are of each."""
    for rule in RULES:
        places = [place for file in sources(*sys.argv[1:]) for place in rule(file)]
        print(*places, f"-- {rule.__name__}: {len(places)}", sep="\n")


if __name__ == "__main__":
    main()
