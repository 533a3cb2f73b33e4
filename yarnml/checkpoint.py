"""Checkpoints: a state that one worker writes beside, and the master commits by one rename.

``<job>/checkpoints/step-…/`` holds ``state.safetensors`` (scaling, parameters, optimizer) and ``manifest.json`` (what
the job is and how far it got).  Whatever is not named so was never committed and is swept away.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy
from msgspec import Struct

from yarnml import paths, storage
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError

FORMAT = "yarnml-checkpoint/1"


class Position(Struct, frozen=True):
    """How far a job got: finished ``step``s, the metrics of every finished epoch, and the best of them."""

    step: int
    history: list[dict[str, float]]
    best_epoch: int | None = None


class Manifest(Struct, frozen=True):
    """``identity``: see `yarnml.identity`; ``files``: name → SHA-256."""

    format: str
    identity: dict[str, Any]
    schema: Schema
    shards: int
    position: Position
    files: dict[str, str]


@contextlib.contextmanager
def reachable(job_folder: str) -> Iterator[None]:
    """What the storage of a job's folder raises in this block is a CheckpointError."""
    try:
        yield
    except (OSError, ValueError) as exc:
        raise CheckpointError(f"checkpoint.path {job_folder} can't be reached: {exc}") from exc


class Checkpoints:
    """The checkpoints of one job's folder."""

    def __init__(self, job_folder: str, keep: int) -> None:
        self._job, self._folder, self._keep = job_folder, paths.checkpoints(job_folder), keep

    def prepare(self) -> None:
        """Sweep what was never committed and see that the folder can be written."""
        probe = paths.temporary(self._folder, "probe")
        try:
            self._sweep()
            storage.write(probe, b"")
            storage.remove(probe)
        except (OSError, ValueError) as exc:
            raise CheckpointError(f"checkpoint.path {self._job} can't be written: {exc}") from exc

    def clear(self) -> None:
        with reachable(self._job):
            storage.remove(self._folder)

    def newest(self) -> Manifest | None:
        """The manifest of the newest checkpoint; CheckpointError where it can't be read."""
        with reachable(self._job):
            steps = self._steps()
        return self._manifest(steps[-1]) if steps else None

    def temporary(self, step: int) -> str:
        return paths.temporary(self._folder, f"step-{step}")

    def folder(self, step: int) -> str:
        return paths.checkpoint(self._job, step)

    def commit(self, manifest: Manifest, best_step: int | None) -> None:
        """Put the manifest beside the state that a worker has written, and show both by one rename."""
        step = manifest.position.step
        folder = self.temporary(step)
        try:
            storage.write(storage.join(folder, paths.MANIFEST), msgspec.json.format(msgspec.json.encode(manifest)))
            storage.remove(self.folder(step))
            storage.rename(folder, self.folder(step))
            kept = {*self._steps()[-self._keep :], best_step}
            for old in self._steps():
                if old not in kept:
                    storage.remove(self.folder(old))
        except OSError as exc:
            raise CheckpointError(f"The checkpoint of step {step} can't be written to {self._folder}: {exc}") from exc

    def discard(self) -> None:
        """Remove what is half-written, after a failure."""
        with contextlib.suppress(OSError):  # the failure that led here is the one to report
            self._sweep()

    def _sweep(self) -> None:
        for name in storage.names(self._folder):
            if name.startswith(paths.TEMPORARY):
                storage.remove(storage.join(self._folder, name))

    def _steps(self) -> list[int]:
        found = (paths.step_of(name) for name in storage.names(self._folder))
        return sorted(step for step in found if step is not None)

    def _manifest(self, step: int) -> Manifest:
        url = storage.join(self.folder(step), paths.MANIFEST)
        try:
            manifest = msgspec.json.decode(storage.read(url), type=Manifest)
        except (OSError, msgspec.DecodeError) as exc:
            raise CheckpointError(f"{url} is not a readable manifest: {exc}; use --restart to begin anew.") from exc
        if manifest.format != FORMAT:
            raise CheckpointError(f"{url} has format {manifest.format}, this yarnml reads {FORMAT}; use --restart.")
        return manifest


def pack(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """Arrays by name as safetensors."""
    return safetensors.numpy.save({name: np.asarray(a, order="C") for name, a in arrays.items()})


def unpack(data: bytes) -> dict[str, npt.NDArray[Any]]:
    return safetensors.numpy.load(data)


def digest(arrays: dict[str, npt.NDArray[Any]]) -> str:
    """Names the bits of a state: the SHA-256 over its arrays in order."""
    total = hashlib.sha256()
    for name, array in arrays.items():
        total.update(name.encode())
        total.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def write_state(folder: str, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, str]:
    """Write a state's arrays; returns file name → SHA-256."""
    data = pack(arrays)
    try:
        storage.write(storage.join(folder, paths.STATE), data)
    except OSError as exc:
        raise CheckpointError(f"The state can't be written to {folder}: {exc}") from exc
    return {paths.STATE: hashlib.sha256(data).hexdigest()}


def read_state(folder: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a committed checkpoint; CheckpointError where their digest is not the manifest's."""
    try:
        data = storage.read(storage.join(folder, paths.STATE))
        manifest = msgspec.json.decode(storage.read(storage.join(folder, paths.MANIFEST)), type=Manifest)
        if hashlib.sha256(data).hexdigest() != manifest.files.get(paths.STATE):
            raise CheckpointError(
                f"{folder} is torn: {paths.STATE} is not what was written; remove it, or use --restart."
            )
        return unpack(data)
    except (OSError, msgspec.DecodeError, safetensors.SafetensorError) as exc:
        raise CheckpointError(f"The checkpoint {folder} can't be read: {exc}") from exc
