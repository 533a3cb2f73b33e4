"""The distributions that a job names in ``environment.packages``, with all that these require.

An environment holds more than a job needs: notebooks, tests, other frameworks.  What is not packed is not stored, not
fetched and not unpacked on each node either.
"""

import csv
import importlib.metadata
import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from yarnml.errors import JobFileError

FIELD = "environment.packages"

_EXTRA = re.compile(r"extra == (['\"][^'\"]+['\"])")


class Inventory:
    """The distributions in the site-packages folders of an environment, by name; the first on the path counts."""

    def __init__(self, sites: Sequence[str]) -> None:
        distributions: dict[str, importlib.metadata.Distribution] = {}
        for distribution in importlib.metadata.distributions(path=list(sites)):
            distributions.setdefault(canonicalize_name(distribution.name), distribution)
        self.required = {name: distribution.requires or [] for name, distribution in distributions.items()}
        self._files = {name: _files(distribution) for name, distribution in distributions.items()}
        self._sites = sites

    def left_out(self, chosen: Iterable[str]) -> frozenset[str]:
        """The paths of the files that nobody needs: they are in a RECORD, and in none of a needed distribution.

        ``chosen``: names of distributions, with extras where these are chosen, such as ``yarnml[trees]``.
        """
        kept = {path for name in needed(self.required, chosen) for path in self._files[name]}
        return frozenset(path for paths in self._files.values() for path in paths if path not in kept)

    def providers(self, modules: Container[str]) -> set[str]:
        """The names of the distributions that have one of these top-level modules."""
        starts = tuple(f"{site}/" for site in self._sites)
        return {
            name
            for name, paths in self._files.items()
            if any(
                path.startswith(start) and path[len(start) :].partition("/")[0].partition(".")[0] in modules
                for path in paths
                for start in starts
            )
        }


def needed(required: Mapping[str, Iterable[str]], chosen: Iterable[str]) -> set[str]:
    """The names of the distributions that are chosen, and of all that these require.

    ``required``: by the name of each distribution that is installed, its requirements.

    Raises JobFileError where a chosen one is not installed; what an installed one lacks is its own affair.
    """
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [_parsed(text, required) for text in chosen]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset(requirement.extras)
        if name not in required or (name, extras) in seen:
            continue
        seen.add((name, extras))
        waiting += [other for other in map(Requirement, required[name]) if _applies(other, extras)]
    return {name for name, _ in seen}


def whole_extras(required: Mapping[str, Iterable[str]], name: str) -> list[str]:
    """The extras of a distribution of which everything is installed."""
    requirements = [Requirement(text) for text in required[name]]
    optional = [r for r in requirements if r.marker and not _applies(r, frozenset())]
    extras = {word.strip("'\"") for r in optional for word in _EXTRA.findall(str(r.marker))}
    return sorted(
        extra
        for extra in extras
        if all(canonicalize_name(r.name) in required for r in optional if _applies(r, frozenset({extra})))
    )


def _parsed(text: str, installed: Mapping[str, Iterable[str]]) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as exc:
        raise JobFileError(f"{FIELD}: '{text}' is no package; expected a name such as yarnml[trees].") from exc
    if canonicalize_name(requirement.name) not in installed:
        raise JobFileError(f"{FIELD}: {requirement.name} is not installed in the active environment; pip install it.")
    return requirement


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    """True where a requirement is one on this machine and Python, with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _files(distribution: importlib.metadata.Distribution) -> list[str]:
    """The paths in a RECORD; an environment has ten thousands of them, so that no object is made for each."""
    folder = str(distribution.locate_file(""))
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    return [os.path.normpath(f"{folder}/{row[0]}") for row in rows if row]
