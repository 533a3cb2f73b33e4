"""A worker's checkpoint, written by a thread of its own while the training goes on."""

import threading
from collections.abc import Callable

from yarnml.checkpoint.store import write_state
from yarnml.control.reports import Saved


class CheckpointWriter:
    """One file at a time.  ``told`` hears of each that is whole, in the thread that wrote it."""

    def __init__(self, told: Callable[[Saved], None]) -> None:
        self._told = told
        self._thread: threading.Thread | None = None
        self._done: Saved | None = None
        self._failure: Exception | None = None

    def begin(self, folder: str, data: bytes | bytearray) -> None:
        """Write a packed state; the one before is finished first."""
        self.finish()
        self._thread = threading.Thread(target=self._write, args=(folder, data), daemon=True, name="checkpoint")
        self._thread.start()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._failure:
            failure, self._failure = self._failure, None
            raise failure

    def finish(self) -> Saved | None:
        """Wait until nothing is being written, however that ended; what was written last, if it is whole.

        Raises what went wrong.
        """
        if self._thread:
            self._thread.join()  # its calls of the storage have deadlines
        self._thread = None
        self.check()
        return self._done

    def drop(self) -> None:
        """The same for what nobody wants any more."""
        if self._thread:
            self._thread.join()
        self._thread = self._failure = self._done = None

    def _write(self, folder: str, data: bytes | bytearray) -> None:
        self._done = None
        try:
            done = Saved(folder, write_state(folder, data))
        except Exception as exc:
            self._failure = exc
        else:
            self._done = done
            self._told(done)
