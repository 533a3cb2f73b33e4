"""The record of a stream, ``stream.json`` in the job's folder: the files of its batches, and how far they are learned.

A batch is recorded before anything is learned from it, so a job that dies goes on with the very same files.  The record
changes by one rename.
"""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint.store import reachable
from yarnml.data.arrivals import Arrival
from yarnml.errors import CheckpointError
from yarnml.job import paths
from yarnml.storage import integrity
from yarnml.storage.integrity import TornFile

FORMAT = "yarnml-stream/1"


class Judgement(Struct, frozen=True):
    """A batch as the model found it that had not learned from it yet.

    ``psi``: by column, of the rows against those of the first training; empty where nobody asks.
    """

    batch: int
    rows: int
    metrics: dict[str, float]
    psi: dict[str, float] = {}


class StreamRecord(Struct, frozen=True):
    """The progress of a stream.

    ``batch``: the number of the newest batch; batch 0 is the job's own training data.
    ``attempt``: grows where files of the newest batch have changed before it was learned.
    ``files``: of the newest batch.  ``taken``: URLs of the files of all batches before it, as far as they are followed.
    ``is_done``: whether the newest batch is learned.
    ``shards``: of every batch, but for those of fewer rows.
    ``batch_size``: rows of a step, as the first training had them; None before that.
    ``state``: the folder of the checkpoint after the newest batch that is learned; empty before the first.
    ``judged``: the newest batches that are judged, at most a window and one.
    ``exports``: whether the newest batch ends with a version; None before that is decided.
    ``drift``: why the newest batch is said to have drifted; empty where it is not.
    ``exported``: the batch of the newest version; ``exported_at``: its time, in seconds since 1970.
    ``best``: the metric over the window at the newest version, where that decides.
    """

    shards: int
    batch: int = 0
    attempt: int = 0
    files: tuple[Arrival, ...] = ()
    taken: tuple[str, ...] = ()
    is_done: bool = False
    batch_size: int | str | None = None
    state: str = ""
    judged: tuple[Judgement, ...] = ()
    exports: bool | None = None
    drift: str = ""
    exported: int = 0
    exported_at: float = 0.0
    best: float | None = None

    @property
    def is_judged(self) -> bool:
        """True where the newest batch is judged."""
        return bool(self.judged) and self.judged[-1].batch == self.batch

    @property
    def known(self) -> frozenset[str]:
        """The URLs of all files that are taken."""
        return frozenset(self.taken) | {file.url for file in self.files}

    def with_batch(self, files: tuple[Arrival, ...]) -> "StreamRecord":
        """The record with a batch that comes next."""
        taken = (*self.taken, *(file.url for file in self.files))
        return replace(
            self, batch=self.batch + 1, attempt=0, files=files, taken=taken, is_done=False, exports=None, drift=""
        )

    def with_files(self, files: tuple[Arrival, ...]) -> "StreamRecord":
        """The record where the newest batch, which is not learned yet, has other files; without any there is none."""
        judged = tuple(judgement for judgement in self.judged if judgement.batch != self.batch)
        if files:
            return replace(self, attempt=self.attempt + 1, files=files, judged=judged, exports=None, drift="")
        # The number of the batch stays: workers know its folder, and would take what comes next for the same training.
        return replace(self, files=(), judged=judged, is_done=True, exports=False, drift="")


def amended(files: tuple[Arrival, ...], now: list[Arrival]) -> tuple[Arrival, ...]:
    """The files of a batch as they are now, without those that are gone."""
    by_url = {arrival.url: arrival for arrival in now}
    return tuple(by_url[file.url] for file in files if file.url in by_url)


def read_stream(job_folder: str) -> StreamRecord | None:
    """Return the record; None where there is none.  CheckpointError where it is not what was written."""
    with reachable(job_folder):
        try:
            data = storage.read(_file(job_folder))
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        document = integrity.unseal(data, "digests", paths.STREAM)
        if document.get("format") != FORMAT:
            raise TornFile(f"its format is {document.get('format')}, this yarnml reads {FORMAT}")
        return msgspec.convert(document["record"], StreamRecord)
    except (TornFile, LookupError, msgspec.ValidationError) as exc:
        raise CheckpointError(
            f"{_file(job_folder)} is not what a job wrote ({exc}); take it from a copy, or use --restart to begin anew."
        ) from exc


def write_stream(job_folder: str, record: StreamRecord) -> None:
    """Write the record in the place of the one before it."""
    document: dict[str, Any] = {"format": FORMAT, "record": msgspec.to_builtins(record), "digests": {}}
    with reachable(job_folder):
        storage.write(_file(job_folder), integrity.seal(document, "digests", paths.STREAM))


def forget_stream(job_folder: str) -> None:
    """Remove the record and the trainings on its batches."""
    with reachable(job_folder):
        storage.remove_file(_file(job_folder))
        storage.remove(paths.batches(job_folder))


def _file(job_folder: str) -> str:
    return storage.join(job_folder, paths.STREAM)
