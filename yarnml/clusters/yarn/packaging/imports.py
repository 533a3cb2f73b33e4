"""The imports of code that travels, read from its text: nothing of it is run."""

import ast
import contextlib
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_DYNAMIC = frozenset(
    {"__import__", "entry_points", "exec", "exec_module", "find_loader", "import_module", "instantiate", "locate"}
    | {"iter_entry_points", "iter_modules", "load_entry_point", "load_module", "module_from_spec", "read_pickle"}
    | {"run_module", "run_path", "walk_packages"}
)
"""Functions that import, or list, what only the run knows."""

_PICKLES = frozenset(["cloudpickle", "dill", "joblib", "jsonpickle", "pickle", "shelve"])
"""Modules that load objects together with the modules that these name."""

_IMPORTERS = ("import_module", "__import__")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


class Imports(NamedTuple):
    """The imports of some files.

    ``modules``: top-level names of all that they import by name, wherever in them.
    ``schemes``: of the URLs among their texts.
    ``dynamic``: where modules are imported by names that only the run knows, such as ``model.py:12``; may be empty.
    """

    modules: frozenset[str]
    schemes: frozenset[str]
    dynamic: str


def imports_of(paths: Iterable[str]) -> Imports:
    """Read modules, and .pth files with their lines of code; what is no valid Python imports nothing."""
    modules: set[str] = set()
    schemes: set[str] = set()
    dynamic = ""
    for path in paths:
        with contextlib.suppress(OSError, SyntaxError, ValueError), warnings.catch_warnings(action="ignore"):
            visitor = _Visitor()
            visitor.visit(ast.parse(_code(path)))
            modules |= visitor.modules
            schemes |= visitor.schemes
            if visitor.line and not dynamic:
                dynamic = f"{path}:{visitor.line}"
    return Imports(frozenset(modules), frozenset(schemes), dynamic)


class _Visitor(ast.NodeVisitor):
    """The imports of one file; ``line``: the first at which they are dynamic, 0 for none."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.schemes: set[str] = set()
        self.line = 0

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and not node.level:
            self._add(node.module, node)
        if any(alias.asname and alias.name in _DYNAMIC for alias in node.names):
            self._note_dynamic(node)

    def visit_Call(self, node: ast.Call) -> None:
        first = node.args[0] if node.args else None
        if _last_name(node.func) in _IMPORTERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            if not first.value.startswith("."):
                self._add(first.value, node)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in _DYNAMIC:
            self._note_dynamic(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in _DYNAMIC and node.attr != "exec":  # a method of many libraries
            self._note_dynamic(node)
        self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg == "allow_pickle":
            self._note_dynamic(node.value)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and (match := _SCHEME.match(node.value)):
            self.schemes.add(match[1])

    def _add(self, module: str, node: ast.stmt | ast.expr) -> None:
        top = module.partition(".")[0]
        self.modules.add(top)
        if top in _PICKLES:
            self._note_dynamic(node)

    def _note_dynamic(self, node: ast.stmt | ast.expr) -> None:
        self.line = self.line or node.lineno


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _code(path: str) -> bytes:
    content = Path(path).read_bytes()
    if path.endswith(".pth"):
        return b"\n".join(line for line in content.splitlines() if line.startswith((b"import ", b"import\t")))
    return content
