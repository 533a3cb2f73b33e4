"""Places that a job file or an option names, so that they mean the same in every process."""

import os
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.job import user_code
from yarnml.job.processes import EnvironmentSpec
from yarnml.storage import absolute


def absolute_path(field: str, path: str, folder: Path) -> str:
    """Return a URL as it is, a path as an absolute one from ``folder`` on.

    Raises JobFileError, with the field or option that names it, for a URL that can't be meant.
    """
    try:
        return absolute(path, folder)
    except ValueError as exc:
        raise JobFileError(f"{field}: {exc}.") from exc


def absolute_paths(field: str, value: Any, folder: Path) -> Any:
    """Make a path absolute, or a list of them; any other value of the field, such as a fraction, stays."""
    if isinstance(value, list):
        return [absolute_path(field, path, folder) for path in value]
    return absolute_path(field, value, folder) if isinstance(value, str) else value


def absolute_environment(environment: EnvironmentSpec, folder: Path, learner_file: str | None) -> EnvironmentSpec:
    """Make absolute what the processes' Python is made of; JobFileError for files that can't go together."""
    packages = {
        name: absolute_paths(f"environment.{name}", getattr(environment, name), folder)
        for name in ("archive", "pex", "files")
    }
    packages["files"] = [path if "://" in path else os.path.normpath(path) for path in packages["files"]]
    user_code.check(packages["files"], learner_file)
    return replace(environment, **packages)
