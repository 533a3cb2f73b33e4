"""The exported model: ``<export>/<version>/`` with parameters, description and program.

* ``model.safetensors``: the parameters and the feature scaling, by name
* ``model.json``: what it is (learner, schema, metrics, data, packages, the job file) and the digests of all three
* ``model.stablehlo``: ``predict(arrays, x)`` by jax.export, for any number of rows

A worker writes them beside, the master shows them by one rename.  Versions count 1, 2, 3, …
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from platform import python_version
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt
from msgspec import Struct

from yarnml import __version__, storage
from yarnml.data.offsets import all_offsets
from yarnml.data.plan import Plan
from yarnml.data.schema import Schema
from yarnml.errors import ExportError, translated
from yarnml.events.events import Outcome
from yarnml.job import paths
from yarnml.job.spec import Export, Job
from yarnml.model.centre import with_trained_mean, with_whole_mean
from yarnml.storage import atomic, integrity
from yarnml.storage.integrity import NoDocument, TornFile
from yarnml.storage.tensors import pack, unpack

FORMAT = "yarnml-model/1"

_PACKAGES = ("jax", "jaxlib", "optax", "numpy", "pyarrow")
_COMMIT_ATTEMPTS = 100
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


class _About(Struct, frozen=True):
    """The part of model.json that a reader needs; everything else in it is for people."""

    format: str
    digests: dict[str, str]
    schema: Schema
    learner: dict[str, Any]
    metrics: dict[str, dict[str, float]]
    mean: list[float] = []


def versions(folder: str) -> list[int]:
    """List the versions in a folder, ascending."""
    return sorted(int(n) for n in storage.names(folder) if _VERSION.fullmatch(n))


def folders(export: Export) -> list[str]:
    """List the folders of the versions that exist, that of ``export.version`` alone where it is given."""
    with translated(ExportError, f"export {export.path} can't be listed"):
        selected = [v for v in versions(export.path) if export.version in (None, v)]
    return [storage.join(export.path, str(v)) for v in selected]


def check_target(export: Export) -> None:
    """Refuse a version that exists, or a folder that can't be written, before any training."""
    with translated(ExportError, f"export {export.path} can't be written"):
        if export.version in versions(export.path):
            raise ExportError(
                f"export.version {export.version} exists in {export.path}; choose another, or none for the next."
            )
        atomic.check_writable(export.path)


def describe(
    job: Job,
    plan: Plan,
    schema: Schema,
    *,
    parameters: int,
    outcome: Outcome,
    shards: int,
) -> dict[str, Any]:
    """Describe a trained model for its model.json.

    ``schema``: with everything that the training data told, which the plan's schema lacks.
    ``parameters``: numbers in the model.
    ``outcome``: of the training.
    """
    return {
        "name": job.name,
        "learner": msgspec.to_builtins(job.learner),
        "schema": msgspec.to_builtins(schema),
        "feature_names": schema.names,
        "offsets": all_offsets(schema).tolist() if any(f.offsets for f in schema.features) else [],
        "scaling": "standard" if job.scales else "none",
        "parameters": parameters,
        "metrics": outcome.metrics,
        "steps": outcome.step,
        "converged": outcome.converged,
        "remarks": outcome.remarks,
        "shards": shards,
        "data": {n: {"rows": d.rows, "fingerprint": d.fingerprint} for n, d in plan.datasets.items()},
        "packages": packages(),
        "job": job.public(),
    }


def begin(export: Export, name: str, job_folder: str) -> str:
    """Name a hidden folder for a model of the job ``name``; a folder that a run of it left when it died is removed."""
    own = f"{name}-{integrity.digest_of(job_folder.encode())[:8]}-"
    draft = re.compile(re.escape(paths.TEMPORARY + own) + "[0-9]+")
    with contextlib.suppress(OSError):  # where it can't be listed, writing will say so
        for old in storage.names(export.path):
            if draft.fullmatch(old):
                atomic.clear(storage.join(export.path, old), (paths.MODEL, paths.PROGRAM, paths.ABOUT))
    return paths.temporary(export.path, f"{own}{time.time_ns()}")


def write_model(folder: str, arrays: dict[str, npt.NDArray[Any]], program: bytes, about: dict[str, Any]) -> None:
    """Write the three files of a model into a folder that nobody sees yet."""
    arrays, about = with_whole_mean(arrays, about)
    parameters = pack(arrays)
    files: dict[str, bytes | bytearray] = {paths.MODEL: parameters, paths.PROGRAM: program}
    document = {"format": FORMAT, "digests": {n: integrity.digest_of(data) for n, data in files.items()}, **about}
    files[paths.ABOUT] = integrity.seal(document, "digests", paths.ABOUT)
    with translated(ExportError, f"The model can't be written to {folder}"):
        for name, data in files.items():
            storage.write(storage.join(folder, name), data)


def commit(export: Export, folder: str, announce: Callable[[str], None] = lambda target: None) -> str:
    """Give a written model its version, if it is stored as it was written; returns the folder where it now is.

    ``announce`` hears of the folder before the model is there, and the job writes it into its outcome.  So a job that
    dies right after the rename finds its model again, instead of exporting it twice.
    """
    _check_stored(folder)
    for _ in range(_COMMIT_ATTEMPTS):
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
    sentence = f"The model in {folder} is not stored as it was written"
    with translated(ExportError, sentence, "; run the job again.", also=(TornFile,)):
        about, _ = _about(folder)
        integrity.check(folder, {name: about.digests[name] for name in (paths.MODEL, paths.PROGRAM)})


def packages() -> dict[str, str]:
    """Return the versions of Python and of the packages that a model depends on."""
    return {
        "python": python_version(),
        "yarnml": __version__,
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def resolve(url: str) -> str:
    """Return the folder of one version: ``url`` itself, or the newest in it or in the folder of ``…/latest``."""
    base = url.rstrip("/").removesuffix("/latest")
    with translated(ExportError, f"{url} can't be listed"):
        if base == url.rstrip("/") and paths.ABOUT in storage.names(base):
            return base
        numbers = versions(base)
    if not numbers:
        raise ExportError(f"There is no model at {url}: expected {paths.ABOUT} or numbered versions in that folder.")
    return storage.join(base, str(numbers[-1]))


class Content(NamedTuple):
    """The content of a version: arrays by name, the program, the columns, and model.json as it is."""

    arrays: dict[str, npt.NDArray[Any]]
    program: bytes
    schema: Schema
    about: dict[str, Any]


def read_model(folder: str) -> Content:
    """Read a version; ExportError where it is torn or not yarnml's."""
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
    with readable(folder):
        arrays = with_trained_mean(unpack(files[paths.MODEL]), about.mean)
    return Content(arrays, files[paths.PROGRAM], about.schema, document)


@contextlib.contextmanager
def readable(folder: str) -> Iterator[None]:
    """Raise whatever a library makes of a file that somebody else has written, with right digests, as ExportError."""
    try:
        yield
    except Exception as exc:
        reason = [*str(exc).strip().splitlines(), type(exc).__name__][0]
        raise ExportError(f"{folder} is not a model that this yarnml can read: {reason}") from exc


def _about(folder: str) -> tuple[_About, dict[str, Any]]:
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
        return msgspec.convert(document, _About), document
    except msgspec.ValidationError as exc:
        raise ExportError(f"{folder} is not a yarnml model: {paths.ABOUT}: {exc}") from exc
