"""The way to TensorBoard: event files with curves, the job's text and histograms of parameters, by tensorboardX."""

import importlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from yarnml.errors import JobFileError
from yarnml.events.events import RoundStarted
from yarnml.events.measurements import Histogram, ParametersMeasured, RunStarted
from yarnml.watch.exporters.event_files import EventFiles
from yarnml.watch.exporters.scalars import Curves
from yarnml.watch.history.entries import Entry

FILE_SECONDS = 10.0
"""Least time between two files."""

MAX_SHARE = 0.01
"""Most of a run's time that lies between two of its files, once that is more: so a long run has hundreds of files."""


class TensorBoardExporter:
    """Writes the event files of a run.  Raises JobFileError where tensorboardX is not installed.

    ``folder``: of the job.
    """

    name = "monitor.tensorboard"

    def __init__(self, folder: str) -> None:
        self._library = _library()
        self._files = EventFiles(folder)
        self._curves = Curves()
        self._began = time.monotonic()
        self._reached: int | None = None  # the last step that has been announced

    @property
    def seconds(self) -> float:
        return max(FILE_SECONDS, MAX_SHARE * (time.monotonic() - self._began))

    def write(self, entries: Sequence[Entry]) -> None:
        """Write what these entries show as one file; none where that is nothing."""
        events = [event for entry in entries for event in self._events(entry)]
        if events:
            self._files.append(self._encoded(events))

    def close(self) -> None:
        """End without a word: TensorBoard knows no end."""

    def _events(self, entry: Entry) -> Iterator[Any]:
        summaries = self._library.summary
        match entry.event:
            case RunStarted(job):
                text = yaml.safe_dump(job, sort_keys=False)
                yield self._event(entry.time, 0, summaries.text("job", f"```\n{text}```"))
            case RoundStarted(first=first, last=last):
                if self._reached is None or first < self._reached:
                    yield self._restart(entry.time, first + 1)
                self._reached = last
            case ParametersMeasured(step, histograms):
                for name, histogram in histograms.items():
                    yield self._event(entry.time, step, self._histogram(f"parameters/{name}", histogram))
        for tag, step, when, value in self._curves.points(entry):
            yield self._event(when, step, summaries.scalar(tag, value))

    def _event(self, when: float, step: int, summary: Any) -> Any:
        return self._library.proto.event_pb2.Event(wall_time=when, step=step, summary=summary)

    def _restart(self, when: float, step: int) -> Any:
        """Have TensorBoard forget what it has of this step and later ones: they are trained again."""
        proto = self._library.proto.event_pb2
        log = proto.SessionLog(status=proto.SessionLog.START)
        return proto.Event(wall_time=when, step=step, session_log=log)

    def _histogram(self, tag: str, histogram: Histogram) -> Any:
        limits = np.linspace(histogram.low, histogram.high, len(histogram.counts) + 1)[1:].tolist()
        return self._library.summary.histogram_raw(
            tag,
            histogram.low,
            histogram.high,
            sum(histogram.counts),
            histogram.sum,
            histogram.squares,
            limits,
            histogram.counts,
        )

    def _encoded(self, events: Sequence[Any]) -> bytes:
        """The bytes of an event file; the library writes it to a disk, and a job's folder may be elsewhere."""
        with TemporaryDirectory() as folder:
            writer = self._library.event_file_writer.EventsWriter(f"{folder}/events")
            for event in events:
                writer.write_event(event)
            writer.close()
            (file,) = Path(folder).iterdir()
            return file.read_bytes()


def _library() -> Any:
    try:
        library = importlib.import_module("tensorboardX")  # an option
        importlib.import_module("tensorboardX.event_file_writer")
        importlib.import_module("tensorboardX.proto.event_pb2")
    except ImportError as exc:
        raise JobFileError(
            "monitor.tensorboard needs tensorboardX, which this Python lacks: pip install 'yarnml[tensorboard]'."
        ) from exc
    return library
