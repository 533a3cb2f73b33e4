"""The exported model: ``<export>/<version>/`` with parameters, description and program.

* ``model.safetensors``: the parameters and the feature scaling, by name
* ``model.json``: what it is (learner, schema, metrics, data, packages, the job file) and the digests of all three
* ``model.stablehlo``: ``predict(arrays, x)`` by jax.export, for any number of rows

A worker writes them beside, the master shows them by one rename.  Versions count 1, 2, 3, …
"""

import contextlib
import time
from collections.abc import Callable
from importlib import metadata
from platform import python_version
from typing import Any

import msgspec
import numpy.typing as npt
from msgspec import Struct

from yarnml import __version__, storage
from yarnml.data.schema import Schema
from yarnml.errors import ExportError
from yarnml.job import paths
from yarnml.job.spec import Export
from yarnml.storage import integrity
from yarnml.storage.integrity import TornFile
from yarnml.storage.tensors import pack, unpack

FORMAT = "yarnml-model/1"


class _About(Struct, frozen=True):
    """What a reader needs of model.json; everything else in it is for people."""

    format: str
    digests: dict[str, str]
    schema: Schema
    learner: dict[str, Any]
    metrics: dict[str, dict[str, float]]


def versions(folder: str) -> list[int]:
    """The versions there are, ascending."""
    return sorted(int(n) for n in storage.names(folder) if n.isdecimal() and n[0] != "0")


def folders(export: Export) -> list[str]:
    """The folders of the versions there are, that of ``export.version`` alone where it is given."""
    try:
        wanted = [v for v in versions(export.path) if export.version in (None, v)]
    except (OSError, ValueError) as exc:
        raise ExportError(f"export {export.path} can't be listed: {exc}") from exc
    return [storage.join(export.path, str(v)) for v in wanted]


def check_target(export: Export) -> None:
    """Refuse a version that exists, or a folder that can't be written, before any training."""
    try:
        if export.version in versions(export.path):
            raise ExportError(
                f"export.version {export.version} exists in {export.path}; choose another, or none for the next."
            )
        probe = paths.temporary(export.path, "probe")
        storage.write(probe, b"")
        storage.remove(probe)
    except (OSError, ValueError) as exc:
        raise ExportError(f"export {export.path} can't be written: {exc}") from exc


def begin(export: Export, name: str, job_folder: str) -> str:
    """A hidden folder for a model of the job ``name``; what a run that died left of its own is removed."""
    own = f"{name}-{integrity.digest_of(job_folder.encode())[:8]}-"
    with contextlib.suppress(OSError):  # where it can't be listed, writing will say so
        for old in storage.names(export.path):
            if old.startswith(paths.TEMPORARY + own):
                storage.remove(storage.join(export.path, old))
    return paths.temporary(export.path, f"{own}{time.time_ns()}")


def write_model(folder: str, arrays: dict[str, npt.NDArray[Any]], program: bytes, about: dict[str, Any]) -> None:
    """Write the three files of a model into a folder that nobody sees yet."""
    parameters = pack(arrays)
    files: dict[str, bytes | bytearray] = {paths.MODEL: parameters, paths.PROGRAM: program}
    document = {"format": FORMAT, "digests": {n: integrity.digest_of(data) for n, data in files.items()}, **about}
    files[paths.ABOUT] = integrity.seal(document, "digests", paths.ABOUT)
    try:
        for name, data in files.items():
            storage.write(storage.join(folder, name), data)
    except OSError as exc:
        raise ExportError(f"The model can't be written to {folder}: {exc}") from exc


def commit(export: Export, folder: str, announce: Callable[[str], None] = lambda target: None) -> str:
    """Give a written model its version, if it is stored as it was written; returns the folder where it now is.

    ``announce`` hears of the folder before the model is there: who dies in between can tell that it is his.
    """
    _check_stored(folder)
    for _ in range(100):
        target = export.path
        try:
            version = export.version or max(versions(export.path), default=0) + 1
            target = storage.join(export.path, str(version))
            announce(target)
            storage.rename(folder, target)
        except FileExistsError:
            if export.version:
                raise ExportError(
                    f"export.version {version} appeared in {export.path} meanwhile; choose another."
                ) from None
            continue
        except OSError as exc:
            raise ExportError(f"The model can't be moved to {target}: {exc}") from exc
        return target
    raise ExportError(f"No free version could be had in {export.path}: others export there all the time.")


def _check_stored(folder: str) -> None:
    try:
        about, _ = _about(folder)
        integrity.check(folder, {name: about.digests[name] for name in (paths.MODEL, paths.PROGRAM)})
    except (OSError, TornFile) as exc:
        raise ExportError(f"The model in {folder} is not stored as it was written: {exc}; run the job again.") from exc


def discard(folder: str) -> None:
    """Remove a half-written model, after a failure."""
    with contextlib.suppress(OSError):  # the failure that led here is the one to report
        storage.remove(folder)


def packages() -> dict[str, str]:
    """The versions that a model depends on."""
    found = {"python": python_version(), "yarnml": __version__}
    for name in ("jax", "jaxlib", "optax", "numpy", "pyarrow"):
        found[name] = metadata.version(name)
    return found


def resolve(url: str) -> str:
    """The folder of one version: ``url`` itself, or the newest below it or below what ``…/latest`` stands in."""
    base = url.rstrip("/").removesuffix("/latest")
    try:
        if base == url.rstrip("/") and paths.ABOUT in storage.names(base):
            return base
        found = versions(base)
    except (OSError, ValueError) as exc:
        raise ExportError(f"{url} can't be listed: {exc}") from exc
    if not found:
        raise ExportError(f"There is no model at {url}: expected {paths.ABOUT} or numbered versions in that folder.")
    return storage.join(base, str(found[-1]))


def read_model(folder: str) -> tuple[dict[str, npt.NDArray[Any]], bytes, Schema, dict[str, Any]]:
    """Arrays, program, schema and description of a version; ExportError where it is torn or not ours."""
    files = {}
    try:
        about, document = _about(folder)
        for name in (paths.MODEL, paths.PROGRAM):
            with integrity.present(name):
                files[name] = storage.read(storage.join(folder, name))
            integrity.compare(name, about.digests.get(name), integrity.digest_of(files[name]))
    except TornFile as exc:
        raise ExportError(f"{folder} is torn: {exc}; take it from a copy, or export it anew.") from exc
    except OSError as exc:
        raise ExportError(f"The model in {folder} can't be read: {exc}") from exc
    return unpack(files[paths.MODEL]), files[paths.PROGRAM], about.schema, document


def _about(folder: str) -> tuple[_About, dict[str, Any]]:
    """model.json, parsed and as it is; TornFile where it is not what was written, ExportError where it is not ours."""
    try:
        data = storage.read(storage.join(folder, paths.ABOUT))
        about = msgspec.json.decode(data, type=_About)
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as exc:
        raise ExportError(f"{folder} is not a yarnml model: {paths.ABOUT} can't be read: {exc}") from exc
    if about.format != FORMAT:
        raise ExportError(f"{folder} has format {about.format}; this yarnml reads {FORMAT}.")
    return about, integrity.unseal(data, "digests", paths.ABOUT)
