"""The way to an MLflow tracking server: parameters, metrics, a run's end and its model's folder, by mlflow-skinny."""

import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from yarnml import storage
from yarnml.errors import HistoryError, JobFileError, translated
from yarnml.events.events import Failure, Outcome
from yarnml.events.measurements import RunStarted
from yarnml.events.redaction import without_password
from yarnml.job import paths
from yarnml.storage import atomic
from yarnml.watch.exporters.scalars import Curves
from yarnml.watch.history.entries import Entry
from yarnml.watch.runs import flat

WRITE_SECONDS = 10.0
"""Time between two batches."""

MAX_METRICS = 1000
MAX_PARAMS = 100
MAX_TEXT = 500
"""Bounds of a batch, and of a parameter's length, that every server takes."""

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Variables of the library, unless they are set: the next batch is the retry, and the output is the job's."""

ENDS = {"done": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}


class StoredRun(Struct, frozen=True):
    """The run of a job on a server, so that a continued job goes on with it."""

    server: str
    run: str


class MlflowExporter:
    """Logs the run of a job.  Raises JobFileError where mlflow-skinny is not installed.

    ``job``: the name, of the experiment, too.  ``folder``: of the job.  ``server``: the tracking URI.
    """

    name = "monitor.mlflow"
    seconds = WRITE_SECONDS

    def __init__(self, job: str, folder: str, server: str) -> None:
        self._library = _library()
        self._client = self._library.MlflowClient(tracking_uri=server)
        self._job = job
        self._file = paths.mlflow_run(folder)
        self._folder = folder
        self._server = server
        self._curves = Curves()
        self._run: str | None = None

    def write(self, entries: Sequence[Entry]) -> None:
        """Log what these entries say."""
        try:
            run = self._run = self._run or self._find() or self._create()
            self._log_metrics(run, entries)
            for entry in entries:
                self._log_fact(run, entry)
        except self._library.exceptions.MlflowException as exc:
            raise OSError(f"the MLflow server {without_password(self._server)} does not take its run ({exc})") from exc

    def close(self) -> None:
        """Leave it at the end that the last entry was."""

    def _log_metrics(self, run: str, entries: Sequence[Entry]) -> None:
        points = [point for entry in entries for point in self._curves.points(entry)]
        metrics = [self._library.entities.Metric(p.tag, p.value, int(1000 * p.time), p.step) for p in points]
        for start in range(0, len(metrics), MAX_METRICS):
            self._client.log_batch(run, metrics=metrics[start : start + MAX_METRICS])

    def _log_fact(self, run: str, entry: Entry) -> None:
        match entry.event:
            case RunStarted(job, version, backend):
                self._client.update_run(run, status="RUNNING")
                self._log_params(run, flat(job))
                self._tag(run, {"yarnml.version": version, "yarnml.backend": backend})
            case Outcome() as outcome:
                self._tag(run, {"yarnml.model": outcome.export or "", "yarnml.checkpoint": outcome.checkpoint})
                self._client.set_terminated(run, ENDS["done"], int(1000 * entry.time))
            case Failure(error, text):
                self._tag(run, {"mlflow.note.content": text})
                self._client.set_terminated(run, ENDS["stopped" if error == "Interrupted" else "failed"])

    def _log_params(self, run: str, fields: Mapping[str, Any]) -> None:
        """Log the fields of the job file; MLflow changes no parameter, so those of a continued job are tags."""
        texts = {name: str(value)[:MAX_TEXT] for name, value in fields.items() if value not in (None, "", [], {})}
        before = self._client.get_run(run).data.params
        new = [self._library.entities.Param(name, text) for name, text in texts.items() if name not in before]
        for start in range(0, len(new), MAX_PARAMS):
            self._client.log_batch(run, params=new[start : start + MAX_PARAMS])
        self._tag(run, {f"continued.{name}": t for name, t in texts.items() if before.get(name, t) != t})

    def _tag(self, run: str, tags: Mapping[str, str]) -> None:
        self._client.log_batch(run, tags=[self._library.entities.RunTag(name, text) for name, text in tags.items()])

    def _find(self) -> str | None:
        """The run of this job that is on the server already; None without one."""
        if not storage.exists(self._file):
            return None
        stored = msgspec.json.decode(storage.read(self._file), type=StoredRun)
        return stored.run if stored.server == without_password(self._server) else None

    def _create(self) -> str:
        experiment = self._client.get_experiment_by_name(self._job)
        number = experiment.experiment_id if experiment else self._client.create_experiment(self._job)
        tags = {"yarnml.folder": self._folder, "mlflow.source.name": "yarnml"}
        run = str(self._client.create_run(number, run_name=self._job, tags=tags).info.run_id)
        content = msgspec.json.encode(StoredRun(without_password(self._server), run))
        atomic.write(self._file, content, self._file + ".tmp")
        return run


def forget(folder: str) -> None:
    """Have the next run of a job be a new one on the server, which keeps the old one."""
    with translated(HistoryError, f"{paths.mlflow_run(folder)} can't be removed"):
        storage.remove_file(paths.mlflow_run(folder))


def _library() -> Any:
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        library = importlib.import_module("mlflow")  # an option, and slow to load
        importlib.import_module("mlflow.entities")
    except ImportError as exc:
        raise JobFileError(
            "monitor.mlflow needs mlflow-skinny, which this Python lacks: pip install 'yarnml[mlflow]'."
        ) from exc
    return library
