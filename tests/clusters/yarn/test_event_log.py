"""The events of a job on YARN: for those who follow, and in a file as far as there is room for it."""

import json
import resource
import signal
from pathlib import Path

import pytest

from yarnml.clusters.yarn.containers.event_log import EventLog
from yarnml.control.calls import EventBatch, FollowEvents
from yarnml.events.events import Continued, Converged, Failure, Tick
from yarnml.events.redaction import hide


def followed(log: EventLog) -> EventBatch:
    return log.follow(FollowEvents(0, 0))


@pytest.mark.long
@pytest.mark.parametrize("path", ["/dev/full", "/none/events.jsonl", "/"])
def test_a_file_that_can_t_be_written(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told once; the job goes on, and those who follow hear of everything."""
    log = EventLog(Path(path))
    events = [Converged(1, 2), Converged(2, 2)]
    for event in events:
        log.append(event)
    assert followed(log).events == events
    log.close()
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert warning.startswith(
        "Events can't be written into events.jsonl, and some will be missing there; the job goes on: "
    )


def test_a_disk_that_was_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that was cut off spoils itself alone: the lines after it can be read."""
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log.append(Converged(1, 3))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, limits[1]))
        log.append(Converged(2, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    log.append(Converged(3, 3))
    log.close()
    assert capsys.readouterr().err.count("\n") == 1
    lines = path.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in (lines[0], lines[-1])] == [1, 3]
    assert len(lines) == 3


@pytest.mark.long
def test_events_have_no_secrets(tmp_path: Path) -> None:
    """Neither those that are stored nor those that are followed; a tick has no words."""
    hide(["hunter2-of-the-log"])
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(Continued(3, 1.0, "ftp://ann:pw@host/job"))
    log.append(Failure("ModelError", "no hunter2-of-the-log", "detail: hunter2-of-the-log\n"))
    log.append(Tick(3, float("nan"), 5, 2))
    batch = followed(log)
    assert batch.events == [
        Continued(3, 1.0, "ftp://ann:…@host/job"),
        Failure("ModelError", "no …", "detail: …\n"),
    ]
    assert batch.tick is not None
    log.close()
    assert [json.loads(line) for line in path.read_text().splitlines()][1]["text"] == "no …"
    assert "hunter2" not in path.read_text()
