"""The outcome of a job's last finished run, beside its checkpoints: the same command again has nothing to do."""

import msgspec

from yarnml import storage
from yarnml.checkpoint.store import reachable
from yarnml.events.events import Outcome
from yarnml.events.public import public
from yarnml.job import paths
from yarnml.job.spec import Job


def write(job: Job, outcome: Outcome) -> None:
    with reachable(str(job.checkpoint.path)):
        storage.write(_file(job), msgspec.json.encode(public(outcome)))


def read(job: Job) -> Outcome | None:
    """Return the outcome, None where none can be read; CheckpointError where the storage can't be reached."""
    with reachable(str(job.checkpoint.path)):
        if not storage.exists(_file(job)):
            return None
    try:
        return msgspec.json.decode(storage.read(_file(job)), type=Outcome)
    except (OSError, msgspec.DecodeError):
        return None


def forget(job: Job) -> None:
    with reachable(str(job.checkpoint.path)):
        storage.remove(_file(job))


def _file(job: Job) -> str:
    return storage.join(str(job.checkpoint.path), paths.OUTCOME)
