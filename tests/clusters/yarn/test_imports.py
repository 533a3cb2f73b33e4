"""The imports of code as its text tells them, and where only the run does."""

from pathlib import Path

import pytest

from tests.environments import write
from yarnml.clusters.yarn.packaging.imports import imports_of

CODE = r"""
import used.deeply, yarnml
"\d"
def late():
    from other import thing
    from . import never
    from .torch import never
    importlib.import_module("by_name.part")
    importlib.import_module(".own", __name__)
    read(f"s3://{bucket}/x")
"""


def test_modules_and_urls(tmp_path: Path) -> None:
    """Top-level names wherever they are imported, by a statement or a literal name, and the kinds of URLs."""
    write(tmp_path / "code.py", CODE)
    write(tmp_path / "wrong.py", "print 1")
    write(tmp_path / "loose.pth", "/a/folder\nimport hook; hook.start()\n")
    imports = imports_of(str(tmp_path / name) for name in ("code.py", "wrong.py", "loose.pth", "missing.py"))
    assert imports.modules == {"used", "yarnml", "other", "by_name", "hook"}
    assert imports.schemes == {"s3"}
    assert imports.dynamic == ""


@pytest.mark.parametrize(
    "line",
    [
        "importlib.import_module(name)",
        "from importlib import import_module as load",
        "list(map(importlib.import_module, names))",
        "__import__(name)",
        "exec(text)",
        "for point in metadata.entry_points(group='x'): point.load()",
        "pkgutil.iter_modules(path)",
        "runpy.run_path(path)",
        "import pickle",
        "from joblib import load",
        "pandas.read_pickle(path)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_what_only_the_run_knows(tmp_path: Path, line: str) -> None:
    """Names that are computed, listings of modules and plugins, and pickles, which name modules: with file and line."""
    write(tmp_path / "code.py", f"import json\n{line}\n")
    assert imports_of([str(tmp_path / "code.py")]).dynamic == f"{tmp_path}/code.py:2"


@pytest.mark.parametrize("line", ["model.eval()", "cursor.exec('x')", "import importlib.resources", "exec_ = 1"])
def test_what_only_looks_like_it(tmp_path: Path, line: str) -> None:
    """Methods of these names, and modules that have such functions beside others."""
    write(tmp_path / "code.py", line)
    assert imports_of([str(tmp_path / "code.py")]).dynamic == ""
