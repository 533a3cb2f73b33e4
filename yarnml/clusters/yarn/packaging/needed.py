"""The distributions of an environment, by their metadata: what each requires, can make use of, has and extends.

An environment holds more than a job needs: notebooks, tests, other frameworks.  What is not packed is not stored, not
fetched and not unpacked on each node either.
"""

import csv
import importlib.machinery
import importlib.metadata
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from email.message import Message
from email.parser import HeaderParser
from functools import cache, cached_property

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from yarnml.clusters.yarn.packaging.installed import is_editable, text_of
from yarnml.errors import JobFileError

FIELD = "environment.packages"

_EXTRA = re.compile(r"extra == (['\"][^'\"]+['\"])")


WORK_ON_CODE = frozenset(
    {"bench", "benchmark", "benchmarks", "check", "ci", "dev", "develop", "development", "doc", "docs", "examples"}
    | {"lint", "test", "testing", "tests", "typing"}
)
"""Extras for those who work on a distribution's own code."""

_OF_NO_USE = re.compile(r"-packages/((numpy|pandas|pyarrow|scipy|sklearn)/(.+/)?(tests|include)|skein/java)/")
"""The files of these packages, a quarter of all that yarnml requires, of no use on a node.

Tests and headers are for who works on their code.  Skein's driver runs on the edge node, and sends its jar itself.
"""

_SUFFIXES = (*importlib.machinery.SOURCE_SUFFIXES, *importlib.machinery.EXTENSION_SUFFIXES)


class Inventory:
    """The distributions in the site-packages folders of an environment, by name; the first on the path counts.

    ``required``: the requirements of each.
    ``editable``: those whose code lies elsewhere.
    """

    def __init__(self, sites: Sequence[str]) -> None:
        distributions: dict[str, importlib.metadata.Distribution] = {}
        self.required: dict[str, list[str]] = {}
        self._shadowed: list[str] = []
        for distribution in importlib.metadata.distributions(path=list(sites)):
            headers = _headers(distribution)
            name = canonicalize_name(headers.get("Name", ""))
            if name in distributions:
                self._shadowed += _files(distribution)
            elif name:
                distributions[name] = distribution
                has_older_form = "Requires-Dist" not in headers and text_of(distribution, "requires.txt")
                texts = distribution.requires if has_older_form else headers.get_all("Requires-Dist")
                self.required[name] = texts or []
        self.editable = {name for name, distribution in distributions.items() if is_editable(distribution)}
        self._extended = {name: _extended(distribution) for name, distribution in distributions.items()}
        self._files = {name: _files(distribution) for name, distribution in distributions.items()}
        self._starts = tuple(f"{site}/" for site in sites)

    @property
    def owned(self) -> frozenset[str]:
        """The paths of all files that a RECORD names."""
        return frozenset(path for paths in (*self._files.values(), self._shadowed) for path in paths)

    def left_out(self, names: Iterable[str]) -> frozenset[str]:
        """The paths of the files that stay where only these distributions travel; what is in no RECORD travels."""
        kept = {path for name in names for path in self._files[name] if not _OF_NO_USE.search(path)}
        return self.owned - kept

    def by_file(self, values: Mapping[str, str]) -> dict[str, str]:
        """By the path of each file, the value that its distribution has."""
        return {path: value for name, value in values.items() for path in self._files[name]}

    def providers(self, modules: Iterable[str]) -> set[str]:
        """The names of the distributions that have one of these top-level modules."""
        return {name for name, tops in self.tops.items() if not tops.isdisjoint(modules)}

    def plugins(self, names: Collection[str]) -> set[str]:
        """The names of further distributions whose entry points extend one of these, by the first word of a group."""
        tops = {top.lower() for name in names for top in self.tops[name]}
        return {name for name, words in self._extended.items() if name not in names and words & tops}

    def absent(self, names: Collection[str]) -> dict[str, str]:
        """The modules that stay where only these distributions travel, each with its distribution.

        Of a package that is divided among distributions, those of its modules that stay.
        """
        kept = {module for name in names for module in self._modules(name)}
        absent: dict[str, str] = {}
        for name in sorted(self._files.keys() - set(names)):
            for module in self._modules(name):
                if module not in kept and (module.rpartition(".")[0] in kept or "." not in module):
                    absent.setdefault(module, name)
        return absent

    @cached_property
    def tops(self) -> dict[str, set[str]]:
        """The top-level names of each distribution's files."""
        folders = {name: {file.partition("/")[0] for file in self._within(name)} for name in self._files}
        return {name: {folder.partition(".")[0] for folder in tops} for name, tops in folders.items()}

    def _modules(self, name: str) -> set[str]:
        """The modules and packages of a distribution, with those that they are in."""
        modules: set[str] = set()
        for file in self._within(name):
            if file.endswith(_SUFFIXES):
                folder, _, last = file.rpartition("/")
                module = f"{folder}/{last.partition('.')[0]}".lstrip("/").replace("/", ".")
                while module and module not in modules:
                    modules.add(module)
                    module = module.rpartition(".")[0]
        return modules

    def _within(self, name: str) -> Iterator[str]:
        """The files of a distribution, from site-packages on."""
        for path in self._files[name]:
            for start in self._starts:
                if path.startswith(start):
                    yield path[len(start) :]


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
        waiting += [other for other in _requirements(required[name]) if _applies(other, extras)]
    return {name for name, _ in seen}


def with_extras(required: Mapping[str, Iterable[str]], name: str) -> str:
    """The requirement of a distribution with its extras: by these it says which libraries it can make use of."""
    extras = _extras(_requirements(required[name])) - WORK_ON_CODE
    return f"{name}[{','.join(sorted(extras))}]" if extras else name


def whole_extras(required: Mapping[str, Iterable[str]], name: str) -> list[str]:
    """The extras of a distribution of which everything is installed."""
    optional = [r for r in _requirements(required[name]) if r.marker and not _applies(r, frozenset())]
    return sorted(
        extra
        for extra in _extras(optional)
        if all(canonicalize_name(r.name) in required for r in optional if _applies(r, frozenset({extra})))
    )


def _extras(requirements: Iterable[Requirement]) -> set[str]:
    """The extras that these requirements are of."""
    return {word.strip("'\"") for r in requirements for word in _EXTRA.findall(str(r.marker or ""))}


def _requirements(texts: Iterable[str]) -> Iterator[Requirement]:
    """The requirements of a distribution that can be read."""
    return filter(None, map(_requirement, texts))


@cache
def _requirement(text: str) -> Requirement | None:
    """A requirement; of one that follows older rules, its name alone."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        name = re.match(r"\w[\w.-]*\b", text)
        return Requirement(name[0]) if name else None


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


def _headers(distribution: importlib.metadata.Distribution) -> Message:
    """The metadata of a distribution without its description; empty where it can't be read."""
    text = text_of(distribution, "METADATA") or text_of(distribution, "PKG-INFO")
    return HeaderParser().parsestr(text.partition("\n\n")[0])


def _extended(distribution: importlib.metadata.Distribution) -> set[str]:
    """The first words of the groups of entry points: by habit the module that looks for them."""
    groups = re.findall(r"(?m)^\[\s*([A-Za-z0-9]+)", text_of(distribution, "entry_points.txt"))
    return {group.lower() for group in groups}


def _files(distribution: importlib.metadata.Distribution) -> list[str]:
    """The paths in a RECORD but bytecode; an environment has ten thousands of them, so no object is made for each."""
    folder = str(distribution.locate_file(""))
    rows = csv.reader(text_of(distribution, "RECORD").splitlines())
    return [os.path.normpath(f"{folder}/{row[0]}") for row in rows if row and "/__pycache__/" not in f"/{row[0]}"]
