"""TensorBoard's event files in a job's folder: each appears whole, and TensorBoard reads one after the other."""

from yarnml import storage
from yarnml.errors import HistoryError, translated
from yarnml.job import paths
from yarnml.storage import atomic


class EventFiles:
    """The event files of one job as its run writes them; what a storage raises is raised.

    ``folder``: of the job.
    """

    def __init__(self, folder: str) -> None:
        self._folder = paths.tensorboard(folder)
        self._next: int | None = None

    def append(self, data: bytes) -> None:
        """Write the next file, behind those of earlier runs."""
        if self._next is None:
            numbers = map(paths.event_file_number, storage.names(self._folder))
            self._next = 1 + max((number for number in numbers if number is not None), default=0)
        number = self._next
        self._next = None  # after a failure nobody knows what is there
        with atomic.create(storage.join(self._folder, paths.event_file(number))) as beside:
            storage.write(beside, data)
        self._next = number + 1


def forget(folder: str) -> None:
    """Remove the event files of a job, and nothing else that is in its folder."""
    with translated(HistoryError, f"The event files of {folder} can't be removed"):
        files = paths.tensorboard(folder)
        atomic.clear(files, [name for name in storage.names(files) if paths.event_file_number(name) is not None])
