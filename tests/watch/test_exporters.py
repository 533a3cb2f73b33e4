"""Exporters hear all that a job does, and whatever is wrong with them the job goes on."""

import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.servers import closed_port
from tests.watch.histories import entries
from tests.watch.pages import get
from yarnml.errors import JobFileError
from yarnml.events.events import EpochDone, Event, ProcessLost
from yarnml.events.redaction import hide
from yarnml.watch.exporters import base
from yarnml.watch.exporters.base import MAX_WAITING, Carrier
from yarnml.watch.exporters.endpoint import PATH, MetricsEndpoint, path_for
from yarnml.watch.exporters.exposition import Exposition
from yarnml.watch.exporters.facts import Facts
from yarnml.watch.history.entries import Entry

Job = dict[str, Any]


class Notebook:
    """An exporter that keeps what it gets; it is away for its first ``failures`` calls."""

    name = "monitor.notebook"
    seconds = 0.01

    def __init__(self, failures: int = 0) -> None:
        self.calls = 0
        self.whys: list[str] = []
        self.is_closed = False
        self._failures = failures

    def write(self, entries: Sequence[Entry]) -> None:
        self.calls += 1
        if self.calls <= self._failures:
            raise OSError("nobody\nis there")
        self.whys += [entry.event.why for entry in entries if isinstance(entry.event, ProcessLost)]

    def close(self) -> None:
        self.is_closed = True


def values(text: str) -> dict[str, float]:
    """The samples of an exposition."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_entries_wait_for_an_exporter_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    """Entries come in order, once, without secrets, as soon as the other end is back; there is one warning."""
    hide(["horse-battery-staple"])
    exporter = Notebook(failures=3)
    carrier = Carrier(exporter)
    carrier.start()
    for number in range(20):
        carrier(Entry(0.0, ProcessLost(f"horse-battery-staple {number}")))
        time.sleep(0.005)
    carrier.close()
    assert exporter.whys == [f"… {number}" for number in range(20)]
    assert exporter.is_closed
    assert capsys.readouterr().err.splitlines() == [
        "warning: monitor.notebook does not hear of this job, which goes on: nobody is there"
    ]


def test_the_newest_entries_wait() -> None:
    """For an exporter that never comes a bounded number waits."""
    exporter = Notebook(failures=1)
    carrier = Carrier(exporter)
    for number in range(MAX_WAITING + 5):
        carrier(Entry(0.0, ProcessLost(str(number))))
    carrier.start()
    carrier.close()
    assert len(exporter.whys) <= MAX_WAITING


def test_an_exporter_that_hangs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The end of a run waits for an exporter a bounded time."""
    monkeypatch.setattr(base, "CLOSE_SECONDS", 0.1)
    free = threading.Event()
    exporter = Notebook()
    exporter.close = lambda: free.wait(60) and None  # type: ignore[method-assign]
    carrier = Carrier(exporter)
    carrier.start()
    began = time.monotonic()
    carrier.close()
    assert time.monotonic() - began < 10
    free.set()
    assert "monitor.notebook does not hear of this job, which goes on: no answer for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "is_open"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("10.0.0.1", False),
     ("0.0.0.0", False), ("node-1", False), ("", False)],
)  # fmt: skip
def test_only_this_machine_needs_no_secret(host: str, is_open: bool) -> None:
    assert (path_for(host) == PATH) == is_open
    assert path_for(host).endswith(PATH)
    assert is_open or path_for(host) != path_for(host)


def test_others_get_no_metrics() -> None:
    """Without the secret path, and by anything but a request for it, nothing is told."""
    facts = Facts()
    for entry in entries(2):
        facts.add(entry)
    with MetricsEndpoint(Exposition("digits", facts), "127.0.0.1", 0) as endpoint:
        endpoint.path = path_for("node-1")
        endpoint.start()
        for path in ("/", PATH, endpoint.path[:-1], endpoint.path[1:], "//etc/passwd", "/" + "a" * 60_000):
            status, text = get(endpoint.server_port, path)
            assert status in {404, 400, 414}
            assert "digits" not in text
        assert values(get(endpoint.server_port, endpoint.path)[1])['yarnml_epoch{job="digits"}'] == 2
        endpoint.shutdown()


def test_a_job_is_scraped_while_it_runs(digits_job: Job) -> None:
    """The file of targets leads to metrics that are the events', until the job ends; its identity does not change."""
    folder = Path(digits_job["checkpoint"]["path"])
    targets = folder / "prometheus-targets.json"
    digits_job |= {"training": {"epochs": 2}, "monitor": {"port": 0}}
    scraped: list[dict[str, float]] = []
    heard: list[EpochDone] = []
    ports: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            ((group,),) = [json.loads(targets.read_text())]
            assert group["labels"] == {"job": digits_job["name"], "__metrics_path__": PATH}
            ports.append(int(group["targets"][0].rpartition(":")[2]))
            scraped.append(values(get(ports[0], PATH)[1]))
            heard.append(event)

    yarnml.run(digits_job, "inline", say=listen)
    job = f'job="{digits_job["name"]}"'
    assert [sample[f"yarnml_epoch{{{job}}}"] for sample in scraped] == [1, 2]
    assert [s[f'yarnml_metric{{{job},metric="loss",part="evaluation"}}'] for s in scraped] == [
        event.metrics["loss"] for event in heard
    ]
    assert scraped[0][f'yarnml_state{{{job},state="running"}}'] == 1
    assert scraped[1][f"yarnml_step{{{job}}}"] == heard[1].step
    assert scraped[1][f"yarnml_checkpoints_total{{{job}}}"] >= 1
    assert not targets.exists()
    with pytest.raises(OSError, match="refused"):
        get(ports[0], PATH)
    del digits_job["monitor"]
    assert yarnml.run(digits_job, "inline").already


@pytest.mark.parametrize("field", ["port", "push"])
def test_a_job_goes_on_without_those_who_watch(digits_job: Job, capsys: pytest.CaptureFixture[str], field: str) -> None:
    """A port that is taken and a server that is away are one warning."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        value = {"port": port, "push": f"http://127.0.0.1:{closed_port()}"}[field]
        digits_job |= {"training": {"epochs": 1}, "monitor": {field: value}}
        assert yarnml.run(digits_job, "inline").epochs == 1
    sentences = {
        "port": f"warning: monitor.port: port {port} of 127.0.0.1 can't be served (Address already in use)",
        "push": f"warning: monitor.push does not hear of this job, which goes on: the Pushgateway {value} does not",
    }
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert line.startswith(sentences[field])


def test_a_missing_library_is_one_sentence(digits_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything starts."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    digits_job["monitor"] = {"port": 0}
    with pytest.raises(JobFileError, match=r"need prometheus-client.*pip install 'yarnml\[prometheus\]'"):
        yarnml.run(digits_job, "inline")
    assert not (Path(digits_job["checkpoint"]["path"]) / "history").exists()
