"""The files of a history: pieces that appear whole, and are merged and thinned as they become many."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from yarnml import storage
from yarnml.errors import HistoryError, translated
from yarnml.job import paths
from yarnml.storage import atomic
from yarnml.watch.history.entries import Entry, ForeignHistory, encode, pack, unpack
from yarnml.watch.history.thinning import MERGED_BYTES, PIECE_BYTES, thin

MERGE_PIECES = 15
"""Number of pieces beside the merged one that are merged with it."""

NEWEST_FILES = 2
"""Files that tell what a job does now: one may have been written before the first step."""

_ATTEMPTS = 5
_DRAFT_SECONDS = 600.0
"""The age from which a piece that has not appeared is what a killed run left."""

Span = tuple[int, int]
"""The first and the last piece that a file holds."""


class Pieces:
    """The history of one job as its run writes it; what a storage raises is raised.

    ``folder``: of the job.
    """

    def __init__(self, folder: str) -> None:
        self._folder = paths.history(folder)
        self._spans: list[Span] | None = None

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries as the next piece."""
        with self._uncertain_after_failure():
            self._append([encode(entry) for entry in thin([*entries], PIECE_BYTES)])

    def merge(self) -> None:
        """Put the pieces into one file, thinned, where there are many.

        After a kill in between readers leave out what is there twice.
        """
        if self._spans and len(self._spans) > MERGE_PIECES:
            with self._uncertain_after_failure():
                self._merge(self._spans)

    @contextmanager
    def _uncertain_after_failure(self) -> Iterator[None]:
        """List the pieces anew after a failure: nobody knows what is there then."""
        try:
            yield
        except Exception:
            self._spans = None
            raise

    def _append(self, lines: list[bytes]) -> None:
        if self._spans is None:  # those of earlier runs
            atomic.sweep(self._folder, _DRAFT_SECONDS)
            self._spans = spans(self._folder)
        for _ in range(_ATTEMPTS):
            number = self._spans[-1][1] + 1 if self._spans else 0
            try:
                self._write((number, number), lines)
            except FileExistsError:  # of another run, which is about to learn that this one leads the job
                self._spans = spans(self._folder)
                continue
            self._spans.append((number, number))
            break
        else:
            raise FileExistsError(f"{self._folder} gets pieces of another run")

    def _merge(self, parts: list[Span]) -> None:
        entries = [entry for part in parts for entry in unpack(storage.read(_url(self._folder, part)))]
        merged = (parts[0][0], parts[-1][1])
        self._write(merged, [encode(entry) for entry in thin(entries, MERGED_BYTES)])
        self._spans = [merged]
        for part in parts:
            storage.remove_file(_url(self._folder, part))

    def _write(self, span: Span, lines: list[bytes]) -> None:
        with atomic.create(_url(self._folder, span)) as beside:
            storage.write(beside, pack(lines))


def forget(folder: str) -> None:
    """Remove the history of a job, and nothing else that is in its folder."""
    with translated(HistoryError, f"The history of {folder} can't be removed"):
        history = paths.history(folder)
        atomic.clear(history, [name for name in storage.names(history) if paths.piece_of(name)])


def spans(history: str) -> list[Span]:
    """List the files of a history, in order; those whose content is in a merged file are left out."""
    listed = sorted(filter(None, map(paths.piece_of, storage.names(history))), key=lambda span: (span[0], -span[1]))
    whole: list[Span] = []
    for span in listed:
        if not whole or span[1] > whole[-1][1]:
            whole.append(span)
    return whole


def _url(history: str, span: Span) -> str:
    return storage.join(history, paths.piece(*span))


class NoHistory(HistoryError):
    """A folder has no history, or none yet."""


class HistoryReader:
    """Reads the history of a job, again and again where it grows: what has been read is kept.

    ``folder``: of the job.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._pieces: dict[Span, list[Entry]] = {}

    def read(self) -> list[Entry]:
        """Return all entries in order; HistoryError where there is no history, or it can't be read."""
        history = paths.history(self._folder)
        with translated(HistoryError, f"The history of {self._folder} can't be read"):
            for _ in range(_ATTEMPTS):
                try:
                    listed = spans(history)
                    self._pieces = {span: self._pieces.get(span) or self._piece(span) for span in listed}
                    break
                except FileNotFoundError:  # merged meanwhile
                    continue
        if not self._pieces:
            raise NoHistory(
                f"{self._folder} has no history; give the folder of a job, its checkpoint.path, that has run with this "
                "yarnml."
            )
        return [entry for span in sorted(self._pieces) for entry in self._pieces[span]]

    def newest(self) -> list[Entry]:
        """Return the entries of the newest files alone; HistoryError where they can't be read."""
        with translated(HistoryError, f"The history of {self._folder} can't be read"):
            listed = spans(paths.history(self._folder))
            return [entry for span in listed[-NEWEST_FILES:] for entry in self._piece(span)]

    def _piece(self, span: Span) -> list[Entry]:
        url = _url(paths.history(self._folder), span)
        try:
            return unpack(storage.read(url))
        except ForeignHistory as exc:
            raise HistoryError(f"{url} is {exc}; read it with the yarnml that wrote it.") from exc
