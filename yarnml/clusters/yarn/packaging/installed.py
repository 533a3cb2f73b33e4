"""The contents of a Python environment: a script that a fresh interpreter runs, with the standard library only.

It is a fresh one, because the path of a running process also has its working folder, PYTHONPATH and what tests put
there.
"""

import importlib.metadata
import importlib.util
import json
import os
import site
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple


class Installed(NamedTuple):
    """The contents of a Python environment.

    ``python``: the path of its interpreter.
    ``prefix``: its folder.
    ``conda``: whether conda made it.
    ``version``: such as 3.12.
    ``machine``: the kind of processor.
    ``sites``: the site-packages folders.
    ``paths``: other folders on the path, put there by .pth files.
    ``modules``: modules that only an editable installation's finder knows, by name: a file, or a package's folders.
    ``missing``: editable installations whose modules can't be found.
    """

    python: str
    prefix: str
    conda: bool
    version: str
    machine: str
    sites: list[str]
    paths: list[str]
    modules: dict[str, list[str]]
    missing: list[str]


def survey(python: str = sys.executable) -> Installed:
    """Run this file with an interpreter, and read what it prints."""
    done = subprocess.run([python, "-E", "-P", __file__], capture_output=True, check=True, timeout=60)
    return Installed(*json.loads(done.stdout))


def text_of(distribution: importlib.metadata.Distribution, file: str) -> str:
    """A file of an installation's metadata; empty where there is none, and where its bytes are no text."""
    try:
        return distribution.read_text(file) or ""
    except UnicodeDecodeError:
        return ""


def is_editable(distribution: importlib.metadata.Distribution) -> bool:
    """True for an installation whose code lies elsewhere; torn metadata says nothing of it."""
    try:
        direct = json.loads(text_of(distribution, "direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(direct.get("dir_info", {}).get("editable"))


def _inspect() -> Installed:
    """The contents of the environment that runs this."""
    stdlib = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})
    known = {os.path.realpath(p) for p in [*site.getsitepackages(), site.getusersitepackages()]}
    folders = list(dict.fromkeys(os.path.realpath(p) for p in sys.path if os.path.isdir(p)))
    sites = [f for f in folders if f in known]
    paths = [f for f in folders if f not in known and not (f + os.sep).startswith(stdlib)]
    modules, missing = _editable((*sites, *paths))
    version = ".".join(map(str, sys.version_info[:2]))
    conda = os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
    machine = os.uname().machine
    return Installed(sys.executable, sys.prefix, conda, version, machine, sites, paths, modules, missing)


def _editable(covered: tuple[str, ...]) -> tuple[dict[str, list[str]], list[str]]:
    """The modules of editable installations outside of these folders, and the installations whose modules are lost."""
    modules: dict[str, list[str]] = {}
    missing = []
    for distribution in importlib.metadata.distributions():
        if not is_editable(distribution):
            continue
        names = (text_of(distribution, "top_level.txt") or distribution.name.replace("-", "_")).split()
        specs = {name: importlib.util.find_spec(name) for name in names}
        if not any(specs.values()) and not _names_a_folder(distribution):
            missing.append(distribution.name)
        for name, spec in specs.items():
            if spec:
                places = list(spec.submodule_search_locations or [spec.origin or ""])
                outside = [p for p in places if os.path.exists(p) and not _within(p, covered)]
                modules |= {name: outside} if outside else {}
    return modules, missing


def _names_a_folder(distribution: importlib.metadata.Distribution) -> bool:
    """True where a .pth file of an installation puts a folder on the path, which then counts with all that is in it."""
    files = [str(file.locate()) for file in distribution.files or [] if file.suffix == ".pth"]
    return any(os.path.isdir(line) for file in files for line in Path(file).read_text(errors="replace").splitlines())


def _within(path: str, folders: tuple[str, ...]) -> bool:
    return os.path.realpath(path).startswith(tuple(folder + os.sep for folder in folders))


if __name__ == "__main__":
    json.dump(_inspect(), sys.stdout)
