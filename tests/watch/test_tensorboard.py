"""TensorBoard's own reader shows what a job's events say."""

import importlib
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import yarnml
from tests.watch.histories import START, entries
from yarnml.checkpoint.histograms import BUCKETS, histogram_of, histograms_of
from yarnml.checkpoint.manifest import read_manifest
from yarnml.checkpoint.state_files import read_state
from yarnml.errors import JobFileError
from yarnml.events.events import EpochDone, Event, RoundStarted, Tick
from yarnml.events.measurements import ParametersMeasured
from yarnml.storage.tensors import pack
from yarnml.watch.exporters.event_files import EventFiles, forget
from yarnml.watch.exporters.scalars import Curves
from yarnml.watch.exporters.tensorboard import FILE_SECONDS, TensorBoardExporter
from yarnml.watch.history.entries import Entry
from yarnml.watch.history.pieces import HistoryReader

Job = dict[str, Any]


def read(folder: Path) -> Any:
    """Read a job's folder as TensorBoard does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    accumulator = module.EventAccumulator(str(folder / "tensorboard"), size_guidance=dict.fromkeys(SIZES, 0))
    accumulator.Reload()
    return accumulator


SIZES = ("scalars", "histograms", "tensors")


def curve(board: Any, tag: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in board.Scalars(tag)]


def events_of(folder: Path, kind: type[Any]) -> list[Any]:
    return [entry.event for entry in HistoryReader(str(folder)).read() if isinstance(entry.event, kind)]


def test_points_of_a_run() -> None:
    """Every epoch, metric, phase and process has its curve; metrics of single classes have none."""
    curves = Curves()
    points = [point for entry in entries(3) for point in curves.points(entry)]
    assert [(p.step, p.value) for p in points if p.tag == "loss/epoch"] == [(10, 1.5), (20, 0.75), (30, 0.5)]
    assert [p.value for p in points if p.tag == "rows per second"] == pytest.approx([1438 / 5] * 2)
    assert [p.value for p in points if p.tag == "seconds of a step/read"] == pytest.approx([0.002] * 3)
    tags = {p.tag for p in points}
    assert {"loss/step", "evaluation/loss", "evaluation/accuracy", "busy cores/worker", "workers/count"} <= tags
    assert not any("[" in tag for tag in tags)
    assert points[0].time > START


def test_a_step_that_is_trained_again_counts_once(tmp_path: Path) -> None:
    """A run that goes back to a checkpoint, and the next run, replace the points from there on, in TensorBoard, too."""
    first = [
        RoundStarted(0, 0, 2, 8), Tick(1, 9.0, 1, 1), Tick(2, 8.0, 1, 1),
        RoundStarted(1, 2, 4, 8), Tick(3, 7.0, 1, 1), Tick(4, 6.0, 1, 1),
        RoundStarted(1, 2, 4, 8), Tick(3, 5.0, 1, 1),
    ]  # fmt: skip
    second = [RoundStarted(1, 2, 4, 8), Tick(3, 4.0, 1, 1), Tick(4, 3.0, 1, 1)]
    for run in (first, second):
        exporter = TensorBoardExporter(str(tmp_path))
        for number, event in enumerate(run):
            exporter.write([Entry(START + number, event)])
    assert curve(read(tmp_path), "loss/step") == [(1, 9.0), (2, 8.0), (3, 4.0), (4, 3.0)]


def test_files_become_fewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run of a day writes a file every quarter of an hour."""
    exporter = TensorBoardExporter(str(tmp_path))
    assert exporter.seconds == FILE_SECONDS
    now = exporter._began + 86_400
    monkeypatch.setattr("yarnml.watch.exporters.tensorboard.time.monotonic", lambda: now)
    assert exporter.seconds == pytest.approx(864)


def test_only_its_own_files_are_forgotten(tmp_path: Path) -> None:
    files = EventFiles(str(tmp_path))
    files.append(b"a")
    files.append(b"b")
    assert sorted(path.name[-2:] for path in (tmp_path / "tensorboard").iterdir()) == ["01", "02"]
    (tmp_path / "tensorboard/events.out.tfevents.123.somebody").write_text("another's")
    forget(str(tmp_path))
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["events.out.tfevents.123.somebody"]


def test_histograms_of_a_state() -> None:
    """Parameters are summed up, and neither the optimizer's numbers nor what is not finite."""
    values = np.array([0.0, 1.0, 2.0, np.nan, 3.0], np.float32)
    optimizer = {"state/optimizer/0/mu": values, "state/count": np.array([1, 2], np.int32)}
    state = {"state/parameters/w": values, "state/sums": values, "scaling/mean": values, "state/one": values[:1]}
    histograms = histograms_of(pack({**state, **optimizer}))
    assert [*histograms] == ["sums", "w"]
    assert (histograms["w"].low, histograms["w"].high, histograms["w"].sum, histograms["w"].squares) == (0, 3, 6, 14)
    assert sum(histograms["w"].counts) == 4
    constant = histogram_of(np.full(7, 2.5, np.float32))
    assert (sum(constant.counts), len(constant.counts)) == (7, BUCKETS)
    assert constant.low <= 2.5 <= constant.high


def test_a_job_on_tensorboard(digits_job: Job) -> None:
    """Curves, histograms and the job's text are those of the events; without them the state is the same to the bit."""
    folder = Path(digits_job["checkpoint"]["path"])
    digits_job |= {"training": {"epochs": 2}, "monitor": {"tensorboard": True, "histograms": True}}
    digits_job["environment"] = {"variables": {"API_KEY": "wonderful-secret-2"}}
    heard: list[Event] = []
    outcome = yarnml.run(digits_job, "inline", say=heard.append)
    files = read_manifest(outcome.checkpoint).files
    epochs = [event for event in heard if isinstance(event, EpochDone)]
    board = read(folder)
    assert curve(board, "loss/epoch") == [(event.step, pytest.approx(event.loss)) for event in epochs]
    for name in epochs[0].metrics:
        assert curve(board, f"evaluation/{name}") == [(e.step, pytest.approx(e.metrics[name])) for e in epochs]
    assert curve(board, "test/accuracy") == [(outcome.step, pytest.approx(outcome.metrics["test"]["accuracy"]))]
    (text,) = board.Tensors("job/text_summary")
    assert f"name: {digits_job['name']}".encode() in text.tensor_proto.string_val[0]
    assert b"wonderful-secret" not in b"".join(file.read_bytes() for file in (folder / "tensorboard").iterdir())
    measured = events_of(folder, ParametersMeasured)
    assert measured[-1].step == outcome.step
    for name, histogram in measured[-1].histograms.items():
        shown = board.Histograms(f"parameters/{name}")[-1]
        assert (shown.step, shown.histogram_value.bucket) == (outcome.step, histogram.counts)
        assert shown.histogram_value.num == sum(histogram.counts)
        values = read_state(outcome.checkpoint)[f"state/parameters/{name}"]
        assert (histogram.low, histogram.high) == (values.min(), values.max())
    del digits_job["monitor"]
    assert read_manifest(yarnml.run(digits_job, "inline", restart=True).checkpoint).files == files
    assert not (folder / "tensorboard").exists()


def test_a_missing_library_is_one_sentence(digits_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    digits_job["monitor"] = {"tensorboard": True}
    with pytest.raises(JobFileError, match=r"needs tensorboardX.*pip install 'yarnml\[tensorboard\]'"):
        yarnml.run(digits_job, "inline")
