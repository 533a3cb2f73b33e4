"""The manifest of a checkpoint: what the job is, how far it got, and the digests of the files."""

from typing import Any

import msgspec
from msgspec import Struct

from yarnml import storage
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError
from yarnml.job import paths
from yarnml.job.start import Start
from yarnml.storage import integrity
from yarnml.storage.integrity import TornFile

FORMAT = "yarnml-checkpoint/1"


class Position(Struct, frozen=True):
    """The progress of a job: finished ``step``s, the metrics of every finished epoch, and the best of them.

    ``training``: of every finished epoch, its loss as it was trained, `EPOCH_LOSS`, and where the job asks for them the
    metrics of the training rows after it.
    ``converged``: the learner has nothing more to learn.  ``remarks``: what a user should be told of the model.
    """

    step: int
    history: list[dict[str, float]]
    best_epoch: int | None = None
    converged: bool = False
    remarks: list[str] = []
    training: list[dict[str, float]] = []


class Layer(Struct, frozen=True):
    """The files of the checkpoint of a ``step`` that have rows of a table, name → SHA-256."""

    step: int
    files: dict[str, str]

    def folder(self, beside: str) -> str:
        """The folder of the checkpoint, given another one of the same job."""
        return paths.checkpoint_beside(beside, self.step)


class Manifest(Struct, frozen=True):
    """``identity``: see `fingerprint`; ``files``: name → SHA-256, once stored the manifest's own too.

    ``start``: the earlier training that this one began with; None for none.
    ``layers``: earlier checkpoints, the oldest first, of whose tables this one has only what changed; none: it has all.
    """

    format: str
    identity: dict[str, Any]
    schema: Schema
    shards: int
    position: Position
    files: dict[str, str]
    start: Start | None = None
    layers: list[Layer] = []


def layer_of(manifest: Manifest) -> Layer:
    """The files of a checkpoint that have rows of a table."""
    parts = {name: digest for name, digest in manifest.files.items() if paths.part_of_table(name)}
    return Layer(manifest.position.step, parts or {paths.STATE: manifest.files[paths.STATE]})


def read_manifest(folder: str) -> Manifest:
    """Return the manifest of a committed checkpoint; TornFile where it is not what was written.

    CheckpointError where it is whole, but of another yarnml.
    """
    url = storage.join(folder, paths.MANIFEST)
    with integrity.present(paths.MANIFEST):
        data = storage.read(url)
    document = integrity.unseal(data, "files", paths.MANIFEST)
    if document.get("format") != FORMAT:
        raise CheckpointError(
            f"{url} has format {document.get('format')}, this yarnml reads {FORMAT}; go on with the yarnml that wrote "
            "it, or give this job another checkpoint.path."
        )
    try:
        return msgspec.convert(document, Manifest)
    except msgspec.ValidationError as exc:
        raise TornFile(f"{paths.MANIFEST} is no manifest: {exc}") from exc
