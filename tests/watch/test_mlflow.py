"""MLflow has what a job's events say: a database of its, and a server where the whole of MLflow is installed."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.processes import wait_for
from tests.servers import closed_port
from tests.watch.histories import FAILURE, START, entries, job, outcome
from yarnml.errors import JobFileError
from yarnml.events.events import EpochDone, Event
from yarnml.watch.exporters.mlflow import MlflowExporter, forget
from yarnml.watch.history.entries import Entry

Job = dict[str, Any]

needs_server = pytest.mark.skipif(
    not importlib.util.find_spec("flask"), reason="needs all of mlflow: pip install mlflow"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tracking store of files, which needs no server."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return f"file://{tmp_path}/mlruns"


def stored_run(folder: Path, server: str) -> Any:
    """The run of a job, as MLflow's client reads it."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=server).get_run(json.loads((folder / "mlflow-run.json").read_text())["run"])


def log(folder: Path, server: str, listed: list[Entry]) -> Any:
    exporter = MlflowExporter("digits", str(folder), server)
    exporter.write(listed)
    exporter.close()
    return stored_run(folder, server)


def test_a_run_and_its_continuation(tmp_path: Path, store: str) -> None:
    """Parameters, the newest metrics and the end; a continued job goes on with its run, and one begun anew does not."""
    folder = tmp_path / "job"
    folder.mkdir()
    failed = log(folder, store, entries(3, end=FAILURE))
    assert (failed.info.status, failed.data.tags["mlflow.note.content"]) == ("FAILED", FAILURE.text)
    document = job(name="digits", training={"epochs": 30})
    done = log(folder, store, entries(5, end=outcome(5), document=document))
    assert done.info.run_id == failed.info.run_id
    assert done.info.status == "FINISHED"
    assert done.data.params["learner.hidden"] == "[64]"
    assert done.data.tags["continued.training.epochs"] == "30"
    assert done.data.tags["yarnml.model"] == "/models/digits/3"
    assert done.data.metrics["evaluation/accuracy"] == pytest.approx(0.9)
    forget(str(folder))
    assert log(folder, store, entries(1)).info.run_id != done.info.run_id


@needs_server
def test_a_job_on_a_server(digits_job: Job, tmp_path: Path) -> None:
    """A server with SQLite has a job's metrics of every epoch, equal to its events."""
    digits_job |= {"training": {"epochs": 2}}
    heard: list[EpochDone] = []

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            heard.append(event)

    with mlflow_server(tmp_path) as server:
        digits_job["monitor"] = {"mlflow": server}
        done = yarnml.run(digits_job, "inline", say=listen)
        run = stored_run(Path(digits_job["checkpoint"]["path"]), server)
        assert (run.info.status, run.info.run_name) == ("FINISHED", digits_job["name"])
        assert run.data.metrics["evaluation/loss"] == pytest.approx(heard[-1].metrics["loss"])
        assert run.data.metrics["test/accuracy"] == pytest.approx(done.metrics["test"]["accuracy"])
        assert run.data.params["training.epochs"] == "2"


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # which hides pandas
    line += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    popen = subprocess.Popen(line, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("MLflow", lambda: answers(f"http://127.0.0.1:{port}/health"), 200)
        yield f"http://127.0.0.1:{port}"
    finally:
        popen.terminate()
        popen.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_a_server_that_is_away(tmp_path: Path) -> None:
    """It is told in one sentence, without the password, at once; the entries are the carrier's to bring again."""
    exporter = MlflowExporter("digits", str(tmp_path), f"http://ann:horse-battery@127.0.0.1:{closed_port()}")
    with pytest.raises(
        OSError, match=r"the MLflow server http://ann:…@127\.0\.0\.1:\d+ does not take its run"
    ) as caught:
        exporter.write([Entry(START, entries(1)[0].event)])
    assert "horse" not in str(caught.value).partition(" (")[0]


def test_a_missing_library_is_one_sentence(digits_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    digits_job["monitor"] = {"mlflow": "http://127.0.0.1:5000"}
    with pytest.raises(JobFileError, match=r"needs mlflow-skinny.*pip install 'yarnml\[mlflow\]'"):
        yarnml.run(digits_job, "inline")
