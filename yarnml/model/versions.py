"""The versions of a model, as they are read: which there are, what each says of itself, and its arrays and program."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from platform import python_version
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt
from msgspec import Struct

from yarnml import __version__, storage
from yarnml.data.schema import Schema
from yarnml.errors import ExportError, translated
from yarnml.job import paths
from yarnml.model.aliases import aliases
from yarnml.model.centre import with_trained_mean
from yarnml.model.table_file import read_table
from yarnml.storage import integrity
from yarnml.storage.integrity import NoDocument, TornFile
from yarnml.storage.tensors import unpack

FORMAT = "yarnml-model/1"
DELETED = "deleted"

_PACKAGES = ("jax", "jaxlib", "optax", "numpy", "pyarrow")
_ALIASED = re.compile(r"(?P<folder>.*[^/])@(?P<alias>[A-Za-z][A-Za-z0-9_-]*)", re.DOTALL)
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


class About(Struct, frozen=True):
    """The part of model.json that a reader needs; everything else in it is for people."""

    format: str
    digests: dict[str, str]
    schema: Schema
    learner: dict[str, Any]
    metrics: dict[str, dict[str, float]]
    mean: list[float] = []

    @property
    def digest(self) -> str:
        """The digest of model.json, and so of the whole version."""
        return self.digests[paths.ABOUT]

    @property
    def files(self) -> list[str]:
        """The files beside model.json."""
        return [paths.MODEL, paths.PROGRAM, *([paths.TABLE] if self.schema.keyed else [])]


def versions(folder: str) -> list[int]:
    """List the versions in a folder, ascending."""
    return sorted(int(n) for n in storage.names(folder) if _VERSION.fullmatch(n))


def packages() -> dict[str, str]:
    """Return the versions of Python and of the packages that a model depends on."""
    return {
        "python": python_version(),
        "yarnml": __version__,
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def resolve(url: str) -> str:
    """Return the folder of one version: ``url`` itself, or the newest in it or in the folder of ``…/latest``.

    ``…@production`` is the version that an alias names.
    """
    base = url.rstrip("/").removesuffix("/latest")
    with translated(ExportError, f"{url} can't be listed"):
        if base == url.rstrip("/") and paths.ABOUT in storage.names(base):
            return base
        numbers = versions(base)
        if not numbers and (match := _ALIASED.fullmatch(base)):
            return _aliased(match["folder"], match["alias"])
    if not numbers:
        raise ExportError(f"There is no model at {url}: expected {paths.ABOUT} or numbered versions in that folder.")
    return storage.join(base, str(numbers[-1]))


def _aliased(folder: str, name: str) -> str:
    """Return the folder of the version that an alias names; ExportError where it names none that is there."""
    named = aliases(folder)
    if name not in named:
        raise ExportError(f"{folder} has no alias {name}; it has {', '.join(sorted(named)) or 'none'}.")
    target = storage.join(folder, str(named[name]))
    if not storage.exists(target):
        raise ExportError(f"Alias {name} of {folder} names version {named[name]}, which is not there.")
    return target


def description(folder: str) -> About:
    """Return what a version says of itself; ExportError where it is torn or not yarnml's."""
    try:
        return read_about(folder)[0]
    except TornFile as exc:
        raise ExportError(f"{folder} is torn: {exc}; take it from a copy, or export it anew.") from exc


class Content(NamedTuple):
    """The content of a version: arrays by name, the program, the columns, model.json as it is, and its table."""

    arrays: dict[str, npt.NDArray[Any]]
    program: bytes
    schema: Schema
    about: dict[str, Any]
    table: Mapping[str, npt.NDArray[Any]]


def read_model(folder: str) -> Content:
    """Read a version; ExportError where it is torn or not yarnml's."""
    files = {}
    try:
        about, document = read_about(folder)
        for name in (paths.MODEL, paths.PROGRAM):
            files[name] = integrity.read(folder, name, about.digests.get(name))
        if about.schema.keyed:
            integrity.check(folder, {paths.TABLE: about.digests.get(paths.TABLE)})
    except TornFile as exc:
        raise ExportError(f"{folder} is torn: {exc}; take it from a copy, or export it anew.") from exc
    except OSError as exc:
        raise ExportError(f"The model in {folder} can't be read: {exc}") from exc
    with readable(folder):
        arrays = with_trained_mean(unpack(files[paths.MODEL]), about.mean)
        table = read_table(storage.join(folder, paths.TABLE)) if about.schema.keyed else {}
    return Content(arrays, files[paths.PROGRAM], about.schema, document, table)


@contextlib.contextmanager
def readable(folder: str) -> Iterator[None]:
    """Raise whatever a library makes of a file that somebody else has written, with right digests, as ExportError."""
    try:
        yield
    except Exception as exc:
        reason = [*str(exc).strip().splitlines(), type(exc).__name__][0]
        raise ExportError(f"{folder} is not a model that this yarnml can read: {reason}") from exc


def next_version(folder: str) -> int:
    """The number after all that a folder has, or had: one that was deleted is not given again."""
    return max([*versions(folder), *versions(storage.join(folder, DELETED))], default=0) + 1


def read_about(folder: str) -> tuple[About, dict[str, Any]]:
    """Return model.json, parsed and as it is.

    TornFile where it is not what was written, ExportError where it is none of yarnml's.
    """
    try:
        data = storage.read(storage.join(folder, paths.ABOUT))
        document = integrity.unseal(data, "digests", paths.ABOUT)
    except (OSError, NoDocument) as exc:
        raise ExportError(f"{folder} is not a yarnml model: {paths.ABOUT} can't be read: {exc}") from exc
    if document.get("format") != FORMAT:
        raise ExportError(f"{folder} has format {document.get('format')}; this yarnml reads {FORMAT}.")
    try:
        return msgspec.convert(document, About), document
    except msgspec.ValidationError as exc:
        raise ExportError(f"{folder} is not a yarnml model: {paths.ABOUT}: {exc}") from exc
