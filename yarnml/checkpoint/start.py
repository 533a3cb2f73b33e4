"""The start of a training that begins with a model or a checkpoint: found by the master, read by the workers."""

from typing import Any, NamedTuple

import numpy.typing as npt

from yarnml import storage
from yarnml.checkpoint.manifest import Manifest, read_manifest
from yarnml.checkpoint.state_files import read_state
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError, ExportError, JobFileError, translated
from yarnml.job import paths
from yarnml.job.learners import Options
from yarnml.job.start import Start, check_same_learner
from yarnml.model import versions
from yarnml.storage.integrity import TornFile


class Origin(NamedTuple):
    """An earlier training, and what it had learnt of the columns."""

    start: Start
    schema: Schema


def find_origin(url: str, learner: Options) -> Origin:
    """Look at what ``start_from`` names: a model, an alias of one, a job's folder, or a checkpoint.

    Raises JobFileError for another learner's, ExportError or CheckpointError for what is none or torn.
    """
    with translated(ExportError, f"start_from {url} can't be listed"):
        names = storage.names(url)
    if paths.MANIFEST in names:
        return _checkpoint(url.rstrip("/"), learner)
    if storage.exists(paths.checkpoints(url)):
        checkpoints = Checkpoints(url, keep=1)
        newest = checkpoints.newest(lambda event: None)
        if newest is None:
            raise CheckpointError(f"start_from: {url} has no checkpoint yet.")
        return _checkpoint(checkpoints.folder(newest.position.step), learner)
    folder = versions.resolve(url)
    about = versions.description(folder)
    if learner.KEYS:
        raise JobFileError(
            f"start_from: {folder} is a model, which has weights by key without the optimizer's state that "
            f"learner.kind {learner.kind} goes on with; name the folder of its job, or a checkpoint."
        )
    check_same_learner(learner, about.learner, folder)
    return Origin(Start(folder, about.digest, is_model=True), about.schema)


def _checkpoint(folder: str, learner: Options) -> Origin:
    try:
        with translated(CheckpointError, f"start_from {folder} can't be read", also=(TornFile,)):
            manifest = read_manifest(folder)
    except TornFile as exc:
        raise CheckpointError(f"start_from: {folder} is torn: {exc}; choose another.") from exc
    start = "learner."
    section = {n.removeprefix(start): value for n, value in manifest.identity.items() if n.startswith(start)}
    check_same_learner(learner, section, folder)
    return Origin(Start(folder, manifest.files[paths.MANIFEST], is_model=False), manifest.schema)


def read_start(start: Start) -> tuple[dict[str, npt.NDArray[Any]], Schema]:
    """The arrays of an earlier training, by name: its ``scaling/…``, and those of its model or of its whole state.

    With what it had learnt of the columns.

    Raises ExportError or CheckpointError where it is gone, torn, or another one than at the start.
    """
    if start.is_model:
        content = versions.read_model(start.folder)
        digest = content.about["digests"][paths.ABOUT]
        arrays = dict(content.arrays)
        schema = content.schema
    else:
        arrays = {name.removeprefix("state/"): array for name, array in read_state(start.folder).items()}
        manifest = _manifest_of(start.folder)
        digest = manifest.files[paths.MANIFEST]
        schema = manifest.schema
    _check_digest(start, digest)
    return arrays, schema


def unchanged_folder(start: Start) -> str:
    """The folder of a checkpoint to begin with; raises CheckpointError where it is gone or torn, as `read_start`."""
    _check_digest(start, _manifest_of(start.folder).files[paths.MANIFEST])
    return start.folder


def _manifest_of(folder: str) -> Manifest:
    with translated(CheckpointError, f"start_from: {folder} can't be read", also=(TornFile,)):
        return read_manifest(folder)


def _check_digest(start: Start, digest: str) -> None:
    if digest != start.digest:
        raise ExportError(f"start_from: {start.folder} is another one than when this job began; run it again.")
