"""The history of a run: written beside it, in pieces that appear whole, whatever dies."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.processes import wait_for
from yarnml.clusters.local import CLUSTER
from yarnml.errors import CheckpointError, HistoryError
from yarnml.events.events import EpochDone, Event, Failure, Outcome, Planned, ProcessLost
from yarnml.events.measurements import CheckpointSaved, ProcessesMeasured, RoundMeasured, RunStarted, TrainingMeasured
from yarnml.events.redaction import hide
from yarnml.events.submission import SUBMITTED, UserAction
from yarnml.job import paths
from yarnml.job.load import load_job
from yarnml.master.recording import recorded
from yarnml.watch.history import recorder
from yarnml.watch.history.entries import Entry, encode, encode_header, pack
from yarnml.watch.history.pieces import MERGE_PIECES, HistoryReader, Pieces, spans
from yarnml.watch.history.recorder import Recorder
from yarnml.watch.run import Run

Job = dict[str, Any]


def entry(number: int) -> Entry:
    return Entry(float(number), ProcessLost(f"worker {number}"))


def events_of(folder: Path, kind: type[Any] = object) -> list[Any]:
    return [entry.event for entry in HistoryReader(str(folder)).read() if isinstance(entry.event, kind)]


def test_pieces_are_merged(tmp_path: Path) -> None:
    """However many pieces are written, few files are there, with all entries in order."""
    pieces = Pieces(str(tmp_path))
    for number in range(3 * MERGE_PIECES):
        pieces.append([entry(number)])
        pieces.merge()
    assert len([*(tmp_path / "history").iterdir()]) <= MERGE_PIECES
    assert HistoryReader(str(tmp_path)).read() == [entry(number) for number in range(3 * MERGE_PIECES)]


def test_a_merge_that_fails_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Pieces stay where a merged file can't be written, and are merged later."""
    pieces = Pieces(str(tmp_path))
    for number in range(MERGE_PIECES + 1):
        pieces.append([entry(number)])
    obstacle = tmp_path / f"history/piece-{0:09d}-{MERGE_PIECES:09d}.jsonl"
    obstacle.mkdir()
    with pytest.raises(OSError, match="exists"):
        pieces.merge()
    obstacle.rmdir()
    pieces.append([entry(MERGE_PIECES + 1)])
    pieces.merge()
    assert HistoryReader(str(tmp_path)).read() == [entry(number) for number in range(MERGE_PIECES + 2)]
    assert spans(str(tmp_path / "history")) == [(0, MERGE_PIECES + 1)]


def test_a_kill_during_a_merge_shows_nothing_twice(tmp_path: Path) -> None:
    """Pieces that are still beside their merged file are left out, by readers and by the next run."""
    pieces = Pieces(str(tmp_path))
    for number in range(3):
        pieces.append([entry(number)])
    merged = pack(encode(entry(number)) for number in range(3))
    (tmp_path / "history/piece-000000000-000000002.jsonl").write_bytes(merged)
    Pieces(str(tmp_path)).append([entry(3)])
    assert HistoryReader(str(tmp_path)).read() == [entry(number) for number in range(4)]
    assert spans(str(tmp_path / "history")) == [(0, 2), (3, 3)]


def test_a_reader_keeps_up(tmp_path: Path) -> None:
    """A reader that asks again has what came since, also after a merge."""
    pieces = Pieces(str(tmp_path))
    reader = HistoryReader(str(tmp_path))
    for number in range(MERGE_PIECES + 2):
        pieces.append([entry(number)])
        pieces.merge()
        assert reader.read() == [entry(before) for before in range(number + 1)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"format":"yarnml-history/2"}\n', "is format yarnml-history/2, this yarnml reads yarnml-history/1; read it"),
        (b"\x00\xff", "is no history of yarnml"),
        (b"", "is no history of yarnml"),
        (None, "has no history; give the folder of a job"),
    ],
)
def test_a_foreign_history_is_refused(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    """A history of a newer version, of nobody, or none at all is one sentence."""
    if content is not None:
        (tmp_path / "history").mkdir()
        (tmp_path / "history/piece-000000000-000000000.jsonl").write_bytes(content)
    with pytest.raises(HistoryError, match=sentence):
        HistoryReader(str(tmp_path)).read()


def test_an_unknown_event_is_left_out(tmp_path: Path) -> None:
    """Events that another version of the format has, and a line that is cut off, do not hide the others."""
    (tmp_path / "history").mkdir()
    lines = encode_header() + b'[1.0,{"type":"Newer","a":1}]\n' + encode(entry(2)) + b'[3.0,{"type"'
    (tmp_path / "history/piece-000000000-000000000.jsonl").write_bytes(lines)
    assert HistoryReader(str(tmp_path)).read() == [entry(2)]


def test_a_write_that_fails_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the history can't be written nothing waits and nothing is raised; entries come as soon as it can."""
    monkeypatch.setattr(recorder, "PIECE_SECONDS", 0.02)
    obstacle = tmp_path / "history"
    obstacle.write_text("no folder")
    heard: list[Event] = []
    record = Recorder(str(tmp_path), heard.append)
    record.start()
    for number in range(5):
        record(ProcessLost(f"worker {number}"))
        time.sleep(0.03)
    obstacle.unlink()
    record.close()
    assert capsys.readouterr().err.count("warning: The history in") == 1
    assert [event.why for event in events_of(tmp_path, ProcessLost)] == [f"worker {number}" for number in range(5)]
    assert heard == events_of(tmp_path, ProcessLost)


KILLED = """
import sys, time
from yarnml.events.events import ProcessLost
from yarnml.watch.history import recorder
recorder.PIECE_SECONDS = 0.02
record = recorder.Recorder(sys.argv[1], lambda event: None)
record.start()
for number in range(100_000):
    record(ProcessLost(f"worker {number}"))
    time.sleep(0.001)
"""


def test_a_killed_run_is_gone_on_with(tmp_path: Path) -> None:
    """After SIGKILL a history is whole up to its last piece; the next run's follow, and what was half-written goes."""
    popen = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)])
    wait_for("pieces", lambda: len(spans(str(tmp_path / "history"))) > MERGE_PIECES // 2)
    popen.kill()
    popen.wait()
    before = [event.why for event in events_of(tmp_path, ProcessLost)]
    assert before == [f"worker {number}" for number in range(len(before))]
    half_written = tmp_path / "history" / f".tmp-{'0' * 32}-{paths.piece(90, 90)}"
    half_written.write_bytes(b"{")
    os.utime(half_written, (0, 0))
    record = Recorder(str(tmp_path), lambda event: None)
    record.add(ProcessLost("of the next run"))
    record.start()
    record.close()
    assert [event.why for event in events_of(tmp_path, ProcessLost)] == [*before, "of the next run"]
    assert not half_written.exists()


def test_who_acts_on_a_job(digits_job: Job) -> None:
    """A history says who sent the job, from its cluster's word, and who killed it, which no run of it can."""
    job = load_job(digits_job)
    recorder.record(job.folder, Failure("Interrupted", "before anything was told"))
    assert not Path(job.folder, "history").exists()
    with recorded(job, CLUSTER._replace(submitter="ann@CORP.EXAMPLE"), lambda event: None):
        pass
    recorder.record(job.folder, Failure("Interrupted", "bob@CORP.EXAMPLE killed this job."))
    events = events_of(Path(job.folder))
    assert UserAction("ann@CORP.EXAMPLE", SUBMITTED) in events
    run = Run(job.folder, HistoryReader(job.folder).read(), time.time())
    assert (run.state, run.cause) == ("stopped", "bob@CORP.EXAMPLE killed this job.")


def test_secrets_stay_out(tmp_path: Path) -> None:
    """No file of a history has a value that the process hides."""
    hide(["correct-horse-battery"])
    record = Recorder(str(tmp_path), lambda event: None)
    record.add(ProcessLost("log: token correct-horse-battery"))
    record.start()
    record.close()
    assert "correct-horse" not in "".join(file.read_text() for file in (tmp_path / "history").iterdir())
    assert events_of(tmp_path, ProcessLost) == [ProcessLost("log: token …")]


def test_a_job_has_a_history(digits_job: Job) -> None:
    """Every epoch, checkpoint and measurement is there; a continued job appends, and one begun anew begins anew."""
    folder = Path(digits_job["checkpoint"]["path"])
    digits_job["environment"] = {"variables": {"API_KEY": "wonderful-secret-1"}}
    digits_job["training"] = {"epochs": 2}
    heard: list[Event] = []
    outcome = yarnml.run(digits_job, "inline", say=heard.append)
    epochs = [event for event in heard if isinstance(event, EpochDone)]
    assert events_of(folder, EpochDone) == epochs
    assert events_of(folder, Outcome) == [outcome]
    assert events_of(folder, TrainingMeasured)[-1].seconds.items() <= outcome.seconds.items()
    assert events_of(folder, TrainingMeasured)[-1].rows == 2 * training_rows(heard)
    assert {*events_of(folder, RoundMeasured)[-1].seconds} == {"read", "compute", "exchange", "update", "wait"}
    assert events_of(folder, ProcessesMeasured)[0].processes[0].memory > 2**20
    assert events_of(folder, CheckpointSaved)[-1].folder == outcome.checkpoint
    assert not any(isinstance(event, TrainingMeasured) for event in heard)
    assert "wonderful-secret" not in "".join(file.read_text() for file in (folder / "history").iterdir())

    digits_job["training"] = {"epochs": 3}
    yarnml.run(digits_job, "inline")
    assert [event.epoch for event in events_of(folder, EpochDone)] == [1, 2, 3]
    assert [event.job["training"]["epochs"] for event in events_of(folder, RunStarted)] == [2, 3]

    digits_job["learner"] = digits_job["learner"] | {"optimizer": {"kind": "sgd", "learning_rate": 1e30}}
    with pytest.raises(CheckpointError):
        yarnml.run(digits_job, "inline")
    assert len(events_of(folder, RunStarted)) == 2
    with pytest.raises(yarnml.YarnmlError):
        yarnml.run(digits_job, "inline", restart=True)
    assert [event.error for event in events_of(folder, Failure)] == ["ModelError"]
    assert len(events_of(folder, RunStarted)) == 1


def training_rows(heard: list[Event]) -> int:
    (planned,) = [event for event in heard if isinstance(event, Planned)]
    return planned.rows["train"]
