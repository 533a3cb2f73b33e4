"""Say of a module that it is installed where the job was submitted, and stayed there: a script that travels along.

It has the standard library alone.  A container's Python asks it last, for what nobody else has found.
"""

import json
import os
import sys
from types import ModuleType
from typing import Any

MODULE = "yarnml_stayed"
"""The name of this script where it travels."""

FILE = f"{MODULE}.json"
"""The file beside it: the modules that stayed, each with its package."""


class Stayed:
    """A finder of modules that finds none: it raises a ModuleNotFoundError that says more than Python's.

    Whoever can do without the module goes on, so each one that is missed is also told on standard error, once.

    ``path``: of the file with the modules that stayed.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._modules: dict[str, str] | None = None
        self._named: set[str] = set()

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> Any:
        """None for a module that did not stay, or where the question is only whether there is one."""
        if self._modules is None:
            with open(self._path, encoding="utf-8") as file:
                self._modules = json.load(file)
        if name not in self._modules:
            return None
        package = self._modules[name]
        sentence = (
            f"No module named '{name}': its package {package} is installed where the job was submitted, but did not "
            f"travel, for nothing names it; if the job needs it, set environment.packages: [auto, {package}]."
        )
        if name not in self._named:
            self._named.add(name)
            print(sentence, file=sys.stderr, flush=True)
        if _only_asked():
            return None
        raise ModuleNotFoundError(sentence, name=name)


def watch() -> None:
    """Put the finder behind all others of this process, once: .pth files of a virtual environment are read twice."""
    if not any(isinstance(finder, Stayed) for finder in sys.meta_path):
        sys.meta_path.append(Stayed(os.path.join(os.path.dirname(__file__), FILE)))


def _only_asked() -> bool:
    """True where ``importlib.util.find_spec`` asks, which imports nothing."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__") == "importlib._bootstrap":
        frame = frame.f_back
    return frame.f_globals.get("__name__") == "importlib.util"
