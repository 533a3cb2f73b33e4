"""The exporters that a job's section ``monitor`` asks for, from the run's start to its end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from yarnml.events.log import log
from yarnml.job.spec import Job
from yarnml.watch.exporters import event_files, mlflow
from yarnml.watch.exporters.base import Carrier, Exporter
from yarnml.watch.exporters.endpoint import PATH, MetricsEndpoint
from yarnml.watch.exporters.exposition import Exposition
from yarnml.watch.exporters.facts import Facts
from yarnml.watch.exporters.mlflow import MlflowExporter
from yarnml.watch.exporters.push import PushExporter
from yarnml.watch.exporters.targets import TargetsFile
from yarnml.watch.exporters.tensorboard import TensorBoardExporter
from yarnml.watch.history.recorder import Sink


@contextmanager
def exporting(job: Job, host: str) -> Iterator[list[Sink]]:
    """Give the sinks of a run's entries; JobFileError where a library is missing.

    ``host``: the address on which others may reach this process.
    """
    monitor = job.monitor
    sinks: list[Sink] = []
    exporters: list[Exporter] = []
    with ExitStack() as stack:
        if monitor.port is not None or monitor.push:
            facts = Facts()
            exposition = Exposition(job.name, facts)
            sinks.append(facts.add)
            if monitor.port is not None:
                stack.enter_context(_served(job, exposition, host, monitor.port))
            if monitor.push:
                exporters.append(PushExporter(job.name, exposition, monitor.push))
        if monitor.tensorboard:
            exporters.append(TensorBoardExporter(str(job.checkpoint.path)))
        if monitor.mlflow:
            exporters.append(MlflowExporter(job.name, str(job.checkpoint.path), monitor.mlflow))
        for exporter in exporters:
            carrier = Carrier(exporter)
            carrier.start()
            stack.callback(carrier.close)
            sinks.append(carrier)
        yield sinks


def forget(folder: str) -> None:
    """Remove what exporters have left in the folder of a job that begins anew."""
    event_files.forget(folder)
    mlflow.forget(folder)


@contextmanager
def _served(job: Job, exposition: Exposition, host: str, port: int) -> Iterator[None]:
    """Serve metrics until this block ends; where the port is taken the job goes on without."""
    try:
        endpoint = MetricsEndpoint(exposition, host, port)
    except OSError as exc:
        log(f"warning: monitor.port: port {port} of {host} can't be served ({exc.strerror}); the job goes on without.")
        yield
        return
    targets = TargetsFile(str(job.checkpoint.path))
    endpoint.start()
    log(f"metrics: http://{endpoint.target}{PATH if endpoint.path == PATH else ''}")  # a secret path is no one's to log
    targets.write(job.name, endpoint.target, endpoint.path)
    try:
        yield
    finally:
        targets.remove()
        endpoint.shutdown()
        endpoint.server_close()
