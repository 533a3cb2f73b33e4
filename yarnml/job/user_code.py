"""A user's own code: which files travel with a job, and where a process finds them.

On a cluster they lie side by side in the folder that YARNML_CODE names; everywhere else where the job file says.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from yarnml.errors import JobFileError

FOLDER = "YARNML_CODE"


def here(path: str) -> str:
    """Where this process finds a module or package of the user: beside the others in YARNML_CODE, else at ``path``."""
    folder = os.environ.get(FOLDER)
    beside = os.path.join(folder, os.path.basename(path)) if folder else path
    return beside if os.path.exists(beside) else path


def check(paths: Iterable[str], model: str | None) -> None:
    """Refuse what can't travel as ``environment.files``, or would hide another one, the model's file included."""
    names = {os.path.basename(model): model} if model else {}
    for path in paths:
        name, place = os.path.basename(path), here(path)
        if not (os.path.isdir(place) or os.path.isfile(place)):
            raise JobFileError(f"environment.files: there is no {path} on this machine.")
        if not name.removesuffix("" if os.path.isdir(place) else ".py").isidentifier():
            raise JobFileError(f"environment.files: {path} must be a module (.py) or a package folder, to be imported.")
        if names.setdefault(name, path) != path:
            raise JobFileError(f"environment.files: {path} and {names[name]} have one name; rename one of them.")


def tree(folder: str) -> Iterator[str]:
    """Every file of a package folder, sorted; bytecode and hidden names left out."""
    for base, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(f for f in folders if f != "__pycache__" and f[0] != ".")
        yield from (os.path.join(base, name) for name in sorted(names) if name[0] != ".")


def files(paths: Iterable[str]) -> dict[str, str]:
    """Modules and package folders as files: their names where they travel → where they are."""
    found: dict[str, str] = {}
    for path in paths:
        base = os.path.dirname(path)
        found |= {os.path.relpath(f, base): f for f in (tree(path) if os.path.isdir(path) else [path])}
    return found


def digest(paths: Iterable[str]) -> str:
    """Of the names and contents of all files."""
    found = files(map(here, paths))
    lines = [f"{hashlib.sha256(Path(found[name]).read_bytes()).hexdigest()} {name}\n" for name in sorted(found)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def make_importable(paths: Iterable[str]) -> None:
    """Put the folders of modules and packages on the path; what is installed goes first."""
    for path in paths:
        folder = os.path.dirname(here(path))
        if folder not in sys.path:
            sys.path.append(folder)
