"""The recorder of a run: takes in its events and writes them beside the training, which never waits for it."""

import socket
import threading
import time
from collections.abc import Callable, Sequence

from msgspec.structs import astuple

from yarnml.control.usage import UsageMeter
from yarnml.events.events import Event, Listener, RoundStarted, ShardsDone, Tick
from yarnml.events.log import log
from yarnml.events.measurements import (
    Measurement,
    ProcessesMeasured,
    ProcessUse,
    RoundMeasured,
    TrainingMeasured,
)
from yarnml.events.public import public
from yarnml.job import paths
from yarnml.watch.history.entries import Entry
from yarnml.watch.history.pieces import Pieces, spans
from yarnml.watch.history.thinning import PIECE_BYTES, thin

PIECE_SECONDS = 5.0
"""Time between two pieces."""

LAST_PIECE_SECONDS = 10.0
"""Longest time that the end of a run waits for its last piece."""

Sink = Callable[[Entry], None]
"""A function that gets every entry of a history as it comes, from any thread."""

_SAMPLED = (Tick, RoundStarted, ShardsDone, TrainingMeasured, RoundMeasured, ProcessesMeasured)
"""Events of which a piece has the newest one only: they count on, or there is one like them soon."""


def record(folder: str, event: Event) -> None:
    """Add an event to the history of a job that no run writes any more; nothing where it has none."""
    if spans(paths.history(folder)):
        Pieces(folder).append([Entry(time.time(), public(event))])


class Recorder:
    """A listener for the events of one run, which passes them on; measurements are for the history alone.

    Any thread may call it.  A thread of its own writes a piece now and then.  Where that fails the log says so once,
    and the entries wait for the next attempt, as far as there is room.

    ``sinks``: get every entry as it comes, too; they must not wait for anything.
    """

    def __init__(self, folder: str, say: Listener, sinks: Sequence[Sink] = ()) -> None:
        self._folder = folder
        self._pieces = Pieces(folder)
        self._say = say
        self._sinks = sinks
        self._lock = threading.Lock()
        self._count = 0
        self._entries: dict[int, Entry] = {}  # by their number: in order, whatever the clock says
        self._sampled: dict[type[Event], int] = {}  # the number of the one among them of each such type
        self._unwritten: list[Entry] = []  # of the writing thread
        self._warned = False
        self._closed = threading.Event()
        self._meter = UsageMeter()
        self._thread = threading.Thread(target=self._run, daemon=True, name="history")

    def __call__(self, event: Event) -> None:
        self.add(event)
        if not isinstance(event, Measurement):
            self._say(event)

    def add(self, event: Event) -> None:
        """Take in an event without passing it on."""
        entry = Entry(time.time(), event)
        with self._lock:
            if isinstance(event, _SAMPLED):
                self._entries.pop(self._sampled.get(type(event), -1), None)
                self._sampled[type(event)] = self._count
            self._entries[self._count] = entry
            self._count += 1
        self._hand_on(entry)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write the last piece; goes on without it where the storage takes too long."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(LAST_PIECE_SECONDS)
        if self._thread.is_alive():
            self._warn(f"the storage does not answer for {LAST_PIECE_SECONDS:.0f} s")

    def _run(self) -> None:
        while not self._closed.wait(PIECE_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        self._unwritten += self._take()
        try:
            self._pieces.append(self._unwritten)
            self._unwritten = []
            self._pieces.merge()
        except Exception as exc:  # whatever it is, it is no reason for the job to end
            self._warn(str(exc))
            self._unwritten = thin(self._unwritten, PIECE_BYTES)

    def _take(self) -> list[Entry]:
        """Take what has come since the last piece, without secrets, and what this process itself uses."""
        with self._lock:
            entries = [*self._entries.values()]
            self._entries = {}
            self._sampled = {}
        own = ProcessUse("master", 0, socket.gethostname(), 0, *astuple(self._meter.measure()))
        entries.append(Entry(time.time(), ProcessesMeasured([own])))
        self._hand_on(entries[-1])
        return [Entry(entry.time, public(entry.event)) for entry in entries]

    def _hand_on(self, entry: Entry) -> None:
        for sink in self._sinks:
            sink(entry)

    def _warn(self, why: str) -> None:
        if not self._warned:
            log(f"warning: The history in {self._folder} has gaps, and the job goes on: {why}")
        self._warned = True
