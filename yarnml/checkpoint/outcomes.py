"""The outcome of a job's last finished run, beside its checkpoints: the same command again has nothing to do."""

import msgspec

from yarnml import storage
from yarnml.checkpoint.store import reachable
from yarnml.errors import CheckpointError
from yarnml.events.events import Outcome
from yarnml.events.public import public
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.storage import integrity

_BEGINNING = b'{"type":"Outcome"'


def write(job: Job, outcome: Outcome) -> None:
    with reachable(str(job.checkpoint.path)):
        storage.write(_file(job), msgspec.json.encode(public(outcome)))


def read(job: Job) -> Outcome | None:
    """Return the outcome, None where none can be read; CheckpointError for a file that is none of yarnml's."""
    data = _content(job)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=Outcome)
    except integrity.UNDECODABLE as exc:
        if integrity.begins(data, _BEGINNING):
            return None  # the run is finished anew from its newest checkpoint, and writes another one
        raise CheckpointError(
            f"{_file(job)} is not what a job writes ({exc}); move it away, or give this job another checkpoint.path."
        ) from exc


def forget(job: Job) -> None:
    """Remove the outcome; CheckpointError for a file that is none of yarnml's, which stays."""
    read(job)
    with reachable(str(job.checkpoint.path)):
        storage.remove_file(_file(job))


def _content(job: Job) -> bytes | None:
    with reachable(str(job.checkpoint.path)):
        try:
            return storage.read(_file(job))
        except (FileNotFoundError, NotADirectoryError):
            return None


def _file(job: Job) -> str:
    return storage.join(str(job.checkpoint.path), paths.OUTCOME)
