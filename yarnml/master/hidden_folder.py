"""The hidden folder of a job beside its output: one run leads the job from there, and its history stays there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.errors import CheckpointError
from yarnml.events.events import Listener
from yarnml.job import paths
from yarnml.job.load import AnyRowsJob
from yarnml.job.rows_job import RowsJob
from yarnml.master.crew import Cluster
from yarnml.master.recording import recorded
from yarnml.watch.history import pieces
from yarnml.watch.history.recorder import Recorder


class Lead(NamedTuple):
    """The means of the run that leads a job: the lease to confirm before a commit, and the listener that records it."""

    lease: Lease
    record: Recorder


@contextmanager
def hidden_folder(job: AnyRowsJob, cluster: Cluster, say: Listener) -> Iterator[Lead]:
    """Lead a job that does not go on after a stop; CheckpointError where another run leads it.

    Where another run took the lease meanwhile, the folder is left to that one.
    """
    lease = Lease(job.folder, job.folder_field)
    with storage.patience(), lease.held():
        try:
            pieces.forget(job.folder)
            with recorded(job, cluster, say) as record:
                yield Lead(lease, record)
        finally:
            with suppress(OSError, CheckpointError):  # the end of the block is what is to be reported
                lease.confirm()
                clear(job)


def clear(job: RowsJob) -> None:
    """Remove all that is in the hidden folder of a job but its history."""
    for name in storage.names(job.folder):
        if name != paths.HISTORY:
            storage.remove(storage.join(job.folder, name))
