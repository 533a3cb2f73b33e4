"""A user's own code: which files travel with a job, and where a process finds them.

On a cluster they lie side by side in the folder that YARNML_CODE names; everywhere else where the job file says.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from yarnml.errors import JobFileError, translated
from yarnml.storage import local

FOLDER = "YARNML_CODE"


def locate(path: str) -> str:
    """Find a module or package of the user in this process: in the folder that YARNML_CODE names, else at ``path``."""
    folder = os.environ.get(FOLDER)
    copy = os.path.join(folder, os.path.basename(path)) if folder else path
    return copy if os.path.exists(copy) else path


def file_of(path: str) -> str:
    """The Python file in ``file.py:Name``."""
    return path.partition(".py:")[0].removesuffix(".py") + ".py"


def attribute_of(path: str) -> str:
    """The name in ``file.py:Name``, empty for the module itself."""
    return path.partition(".py:")[2]


def check(paths: Iterable[str], model: str | None) -> None:
    """Refuse files that can't travel as ``environment.files``, or would hide another one.

    ``model``: the file of the user's model, which travels with them.
    """
    names = {os.path.basename(model): model} if model else {}
    if model and os.path.exists(locate(model)):
        with translated(JobFileError, "learner.path"):
            local.is_folder(locate(model))
    for path in paths:
        name = os.path.basename(path)
        place = locate(path)
        if not os.path.exists(place):
            raise JobFileError(f"environment.files: there is no {path} on this machine.")
        with translated(JobFileError, f"environment.files: {path} can't be read"):
            for file in tree(place) if local.is_folder(place) else [place]:
                local.is_folder(file)
        if not name.removesuffix("" if os.path.isdir(place) else ".py").isidentifier():
            raise JobFileError(f"environment.files: {path} must be a module (.py) or a package folder, to be imported.")
        if names.setdefault(name, path) != path:
            raise JobFileError(f"environment.files: {path} and {names[name]} have one name; rename one of them.")


def tree(folder: str) -> Iterator[str]:
    """Every file of a package folder, sorted; bytecode and hidden names left out."""
    for base, names in local.walk(folder, lambda name: name != "__pycache__" and name[0] != "."):
        yield from (os.path.join(base, name) for name in names if name[0] != ".")


def files(paths: Iterable[str]) -> dict[str, str]:
    """The files of modules and package folders: the name of each where it travels → the path where it is."""
    by_name: dict[str, str] = {}
    for path in paths:
        base = os.path.dirname(path)
        by_name |= {os.path.relpath(f, base): f for f in (tree(path) if os.path.isdir(path) else [path])}
    return by_name


def digest(paths: Iterable[str]) -> str:
    """The digest of the names and contents of all files of these modules and packages."""
    by_name = files(map(locate, paths))
    lines = [f"{hashlib.sha256(Path(by_name[name]).read_bytes()).hexdigest()} {name}\n" for name in sorted(by_name)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def make_importable(paths: Iterable[str]) -> None:
    """Put the folders of modules and packages on the path; what is installed goes first."""
    for path in paths:
        folder = os.path.dirname(locate(path))
        if folder not in sys.path:
            sys.path.append(folder)
