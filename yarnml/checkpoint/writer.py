"""A worker's checkpoint, written by a thread of its own while the training goes on."""

import threading
from collections.abc import Callable

from yarnml.checkpoint.histograms import histograms_of
from yarnml.checkpoint.state_files import write_state
from yarnml.control.reports import Saved


def write_checkpoint(
    folder: str,
    data: bytes | bytearray,
    *,
    histograms: bool,
    wait_for_rest: Callable[[], dict[str, str]] = dict,
) -> Saved:
    """Write a packed state, and sum up its parameters where ``histograms`` asks for that.

    ``wait_for_rest``: waits for what other processes write into the folder; returns file name → SHA-256.
    """
    files = write_state(folder, data) | wait_for_rest()
    return Saved(folder, files, histograms_of(data) if histograms else {})


class CheckpointWriter:
    """Writes one file at a time.

    ``notify`` hears of each that is whole, in the thread that wrote it.
    """

    def __init__(self, notify: Callable[[Saved], None]) -> None:
        self._notify = notify
        self._thread: threading.Thread | None = None
        self._done: Saved | None = None
        self._failure: Exception | None = None

    def begin(
        self,
        folder: str,
        data: bytes | bytearray,
        *,
        histograms: bool = False,
        wait_for_rest: Callable[[], dict[str, str]] = dict,
    ) -> None:
        """Write a packed state, as `write_checkpoint` does; the one before is finished first."""
        self.finish()
        self._thread = threading.Thread(
            target=self._write, args=(folder, data, histograms, wait_for_rest), daemon=True, name="checkpoint"
        )
        self._thread.start()

    def check(self) -> None:
        """Raise the failure of the thread, once, if there is one."""
        if self._failure:
            failure = self._failure
            self._failure = None
            raise failure

    def finish(self) -> Saved | None:
        """Wait until nothing is being written, however that ended; returns the last file, if it is whole.

        Raises what went wrong.
        """
        self._join()
        self.check()
        return self._done

    def drop(self) -> None:
        """Wait until nothing is being written, and forget the file and its failure: nobody wants it any more."""
        self._join()
        self._failure = None
        self._done = None

    def _join(self) -> None:
        if self._thread:
            self._thread.join()  # it ends: its calls of the storage have deadlines
        self._thread = None

    def _write(
        self, folder: str, data: bytes | bytearray, histograms: bool, wait_for_rest: Callable[[], dict[str, str]]
    ) -> None:
        self._done = None
        try:
            done = write_checkpoint(folder, data, histograms=histograms, wait_for_rest=wait_for_rest)
        except Exception as exc:
            self._failure = exc
        else:
            self._done = done
            self._notify(done)
