"""The hidden folder of a job beside its output: one run leads the job from there, and it is gone when that ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.errors import CheckpointError
from yarnml.job.scoring import ScoringJob


@contextmanager
def hidden_folder(job: ScoringJob) -> Iterator[Lease]:
    """Lead a job that does not go on after a stop; CheckpointError where another run leads it.

    Where another run took the lease meanwhile, the folder is left to that one.
    """
    lease = Lease(job.folder, job.folder_field)
    with storage.patience(), lease.held():
        try:
            yield lease
        finally:
            with suppress(OSError, CheckpointError):  # the end of the block is what is to be reported
                lease.confirm()
                storage.remove(job.folder)
