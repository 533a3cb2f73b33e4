"""The exported model: ``<export>/<version>/`` with parameters, description and program.

* ``model.safetensors``: the parameters and the feature scaling, by name
* ``model.json``: what it is (learner, schema, metrics, data, packages, the job file) and the digests of all three
* ``model.stablehlo``: ``predict(arrays, x)`` by jax.export, for any number of rows
* ``table.safetensors``: of a learner with a table, its keys and their weights
* ``model.md``: the same for people; ``predict.py``: a program that predicts without yarnml, but for such a learner

A worker writes them beside, the master shows them by one rename.  Versions count 1, 2, 3, …
"""

import contextlib
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import msgspec
import numpy.typing as npt
from msgspec.structs import replace

from yarnml import storage
from yarnml.data.base import Dataset
from yarnml.data.offsets import all_offsets
from yarnml.data.plan import Plan
from yarnml.data.schema import Schema
from yarnml.errors import ExportError, translated
from yarnml.events.events import Outcome
from yarnml.events.redaction import without_password
from yarnml.job import paths, user_code
from yarnml.job.base import public_document
from yarnml.job.spec import Export, Job
from yarnml.job.start import Start
from yarnml.model import signatures
from yarnml.model.card import card
from yarnml.model.centre import with_trained_mean, with_whole_mean
from yarnml.model.versions import FORMAT, next_version, packages, read_about, versions
from yarnml.sparse.stored import KEYS
from yarnml.storage import atomic, integrity
from yarnml.storage.integrity import TornFile
from yarnml.storage.security import identity
from yarnml.storage.tensors import Packed, pack

_COMMIT_ATTEMPTS = 100
_CONTAINER = re.compile(r"container_(?:e\d+_)?(\d+_\d+)_\d+_\d+")


def folders(export: Export) -> list[str]:
    """List the folders of the versions that exist, that of ``export.version`` alone where it is given."""
    with translated(ExportError, f"export {export.path} can't be listed"):
        selected = [v for v in versions(export.path) if export.version in (None, v)]
    return [storage.join(export.path, str(v)) for v in selected]


def check_target(export: Export) -> list[str]:
    """Refuse a version that exists, a folder that can't be written, or a key that is none, before any training.

    Returns the folders that this made, see `atomic.check_writable`.
    """
    if export.sign:
        signatures.private_key(export.sign, "export.sign")
    with translated(ExportError, f"export {export.path} can't be written"):
        if export.version in versions(export.path):
            raise ExportError(
                f"export.version {export.version} exists in {export.path}; choose another, or none for the next."
            )
        return atomic.check_writable(export.path)


def describe(
    job: Job,
    plan: Plan,
    schema: Schema,
    *,
    parameters: int,
    outcome: Outcome,
    shards: int,
    parent: Start | None = None,
) -> dict[str, Any]:
    """Describe a trained model for its model.json.

    ``schema``: with everything that the training data told, which the plan's schema lacks.
    ``parameters``: numbers in the model.
    ``outcome``: of the training.
    ``parent``: the model or checkpoint that it began with.
    """
    return {
        "name": job.name,
        "learner": msgspec.to_builtins(job.learner),
        "schema": msgspec.to_builtins(replace(schema, threshold=_threshold(job, outcome))),
        "feature_names": schema.names,
        "offsets": all_offsets(schema).tolist() if any(f.offsets for f in schema.features) else [],
        "scaling": "standard" if job.scales else "none",
        "parameters": parameters,
        "metrics": outcome.metrics,
        "steps": outcome.step,
        "converged": outcome.converged,
        "remarks": outcome.remarks,
        "shards": shards,
        "data": {n: _data_facts(d) for n, d in plan.datasets.items()},
        "packages": packages(),
        "job": public_document(job),
        **_lineage(job),
        "parent": {"folder": without_password(parent.folder), "digest": parent.digest} if parent else None,
    }


def _data_facts(dataset: Dataset) -> dict[str, Any]:
    """The facts by which a dataset is known again: rows, digest, and of a table with versions this one."""
    version = {} if dataset.snapshot is None else {"version": dataset.snapshot}
    return {"rows": dataset.rows, "fingerprint": dataset.fingerprint, **version}


def _threshold(job: Job, outcome: Outcome) -> float | None:
    """The threshold that the validation data have chosen; ExportError where they hold one class alone."""
    metric = job.evaluation.threshold
    if not metric:
        return None
    threshold = outcome.metrics["validation"].get(f"threshold_{metric}")
    if threshold is None:
        raise ExportError("evaluation.threshold needs rows of both classes in data.validation; there are of one alone.")
    return threshold


def _lineage(job: Job) -> dict[str, Any]:
    """Say who exports a model, when, where, and with which code of the user."""
    container = _CONTAINER.fullmatch(os.environ.get("CONTAINER_ID", ""))
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "user": identity.user(),
        "host": socket.gethostname(),
        "application": f"application_{container[1]}" if container else "",
        "code": user_code.digest(job.modules) if job.modules else "",
    }


def begin(export: Export, name: str, job_folder: str) -> str:
    """Name a hidden folder for a model of the job ``name``; a folder that a run of it left when it died is removed."""
    own = f"{name}-{integrity.digest_of(job_folder.encode())[:8]}-"
    draft = re.compile(re.escape(paths.TEMPORARY + own) + "[0-9]+")
    with contextlib.suppress(OSError):  # where it can't be listed, writing will say so
        for old in storage.names(export.path):
            if draft.fullmatch(old):
                atomic.clear(storage.join(export.path, old), (*paths.MODEL_FILES, paths.ABOUT))
    return paths.temporary(export.path, f"{own}{time.time_ns()}")


def write_model(
    folder: str,
    arrays: dict[str, npt.NDArray[Any]],
    program: bytes,
    about: dict[str, Any],
    table: Packed | None,
) -> None:
    """Write the files of a model into a folder that nobody sees yet.

    ``table``: the file of its table; None for a model without one.
    """
    arrays, about = with_whole_mean(arrays, about)
    files: dict[str, bytes | bytearray] = {paths.MODEL: pack(arrays), paths.PROGRAM: program}
    if table:
        files[paths.TABLE] = table.data
        numbers = sum(a.size for name, a in arrays.items() if name.startswith("parameters"))
        weights = sum(a.size for name, a in table.arrays.items() if name != KEYS)
        about = {**about, "parameters": numbers + weights}
    else:
        files[paths.SCRIPT] = standalone_script()
    with translated(ExportError, f"The model can't be written to {folder}"):
        for name, data in files.items():
            storage.write(storage.join(folder, name), data)
    digests = {name: integrity.digest_of(data) for name, data in files.items()}
    _write_description(folder, with_trained_mean(arrays, about.get("mean", [])), digests, about)


def describe_anew(folder: str, facts: Mapping[str, Any]) -> None:
    """Change facts in the model.json and the card of a written network, which nobody sees yet."""
    _, document = read_about(folder)
    about = {name: value for name, value in document.items() if name not in ("format", "digests")}
    _write_description(folder, {}, document["digests"], {**about, **facts})  # a network's card says nothing of arrays


def _write_description(
    folder: str, arrays: dict[str, npt.NDArray[Any]], digests: dict[str, str], about: dict[str, Any]
) -> None:
    """Write a model's card and model.json; ``digests``: of its other files."""
    text = card(about, arrays).encode()
    document = {"format": FORMAT, "digests": {**digests, paths.CARD: integrity.digest_of(text)}, **about}
    with translated(ExportError, f"The model can't be written to {folder}"):
        storage.write(storage.join(folder, paths.CARD), text)
        storage.write(storage.join(folder, paths.ABOUT), integrity.seal(document, "digests", paths.ABOUT))


def standalone_script() -> bytes:
    """The program beside a model."""
    return resources.files("yarnml.model.standalone").joinpath(paths.SCRIPT).read_bytes()


def sign(export: Export, folder: str) -> None:
    """Sign a written model that nobody sees yet, where ``export.sign`` names a key."""
    if export.sign:
        about, _ = read_about(folder)
        signatures.sign(folder, about.digest, signatures.private_key(export.sign, "export.sign"))


def commit(export: Export, folder: str, announce: Callable[[str], None] = lambda target: None) -> str:
    """Give a written model its version, if it is stored as it was written; returns the folder where it now is.

    ``announce`` hears of the folder before the model is there, and the job writes it into its outcome.  So a job that
    dies right after the rename finds its model again, instead of exporting it twice.
    """
    _check_stored(folder)
    for _ in range(_COMMIT_ATTEMPTS):
        target = export.path
        try:
            version = export.version or next_version(export.path)
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
        about, _ = read_about(folder)
        integrity.check(folder, {name: about.digests[name] for name in about.files})
