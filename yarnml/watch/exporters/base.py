"""Exporters, and the threads that bring them what a job does: training never waits for one, and none can end a job."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from yarnml.events.log import log
from yarnml.events.public import public
from yarnml.watch.history.entries import Entry

MAX_WAITING = 10_000
"""Entries that wait for an exporter whose other end is away; of more the oldest go."""

CLOSE_SECONDS = 30.0
"""Longest time that the end of a run waits for an exporter's last words."""


class Exporter(Protocol):
    """A way out for the entries of a run.  One thread calls it; whatever it raises is told once, and not by ending.

    ``name``: of the job file's field that asks for it.
    """

    name: str

    @property
    def seconds(self) -> float:
        """Time until the next call of ``write``."""

    def write(self, entries: Sequence[Entry]) -> None:
        """Bring entries, which may be none, to the other end; after an error they come again with the next ones."""

    def close(self) -> None:
        """End the run; all entries have been written, where that was possible."""


class Carrier:
    """A sink that carries entries, without secrets, to an exporter on a thread of its own."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._lock = threading.Lock()
        self._waiting: deque[Entry] = deque(maxlen=MAX_WAITING)
        self._warned = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=exporter.name)

    def __call__(self, entry: Entry) -> None:
        with self._lock:
            self._waiting.append(entry)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Carry what is left; goes on without it where the other end takes too long."""
        self._closed.set()
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            self._warn(f"no answer for {CLOSE_SECONDS:.0f} s; it lacks what came last")

    def _run(self) -> None:
        while not self._closed.wait(self._exporter.seconds):
            self._carry()
        self._carry()
        try:
            self._exporter.close()
        except Exception as exc:
            self._warn(str(exc))

    def _carry(self) -> None:
        with self._lock:
            entries = [*self._waiting]
            self._waiting.clear()
        try:
            self._exporter.write([replace(entry, event=public(entry.event)) for entry in entries])
        except Exception as exc:  # whatever it is, it is no reason for the job to end
            self._warn(str(exc))
            with self._lock:
                self._waiting.extendleft(reversed(entries[-(MAX_WAITING - len(self._waiting)) :]))

    def _warn(self, why: str) -> None:
        if not self._warned:
            log(f"warning: {self._exporter.name} does not hear of this job, which goes on: {' '.join(why.split())}")
        self._warned = True
