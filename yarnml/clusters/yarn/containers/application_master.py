"""The master inside Skein's application master: the same rounds as anywhere, with containers for workers.

YARN starts it anew when it dies, and it goes on from the newest checkpoint.  A job's own error would only happen
again: it is written down beside the application's files, and the next attempt ends with it at once.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import skein
from rich.console import Console

from yarnml import storage
from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.application import JOB_FILE, MASTER, NEWS
from yarnml.clusters.yarn.containers import watchdog
from yarnml.clusters.yarn.containers.event_log import EventLog
from yarnml.clusters.yarn.containers.launcher import AttemptOver, Containers
from yarnml.clusters.yarn.observe.logs import EVENTS
from yarnml.control.credentials import Certificate
from yarnml.control.rpc import ControlServer
from yarnml.errors import YarnmlError
from yarnml.events.console import JobConsole
from yarnml.events.events import EpochDone, Event, Failure, Listener, Outcome, TrialDone
from yarnml.events.log import log
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.master.crew import Cluster, OpenCrew
from yarnml.master.master import Master
from yarnml.runner import train

END_SECONDS = 60.0
"""Time that Skein may take to end the application."""

PARENT_CHECK_SECONDS = 0.5
"""Time between two looks whether Skein's application master lives."""


def main() -> int:
    """Lead the job of this container to its end, and tell Skein and YARN how that was; the exit status."""
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True, name="guard").start()
    job = msgspec.json.decode(Path(JOB_FILE).read_bytes(), type=Job)
    watchdog.guard(job.workers.timeout, "The master")  # its workers have given it up by then
    application = skein.ApplicationClient.from_current()
    mark = paths.failure(paths.staging(os.environ["YARNML_HOME"], skein.properties.application_id))
    news = EventLog(Path(os.environ["LOG_DIRS"].partition(",")[0]) / EVENTS)
    own = credentials.in_container()
    server = ControlServer(news.answer, os.environ["NM_HOST"], own)
    application.kv[NEWS] = server.address.encode()
    with JobConsole(Console(highlight=False, width=200, force_terminal=False)) as show:

        def say(event: Event) -> None:
            news.tell(event)
            if (part := progress(event)) is not None:
                with suppress(skein.exceptions.SkeinError):  # only for a bar on YARN's pages
                    application.set_progress(part)
            show(event)

        end = _failed_before(mark) or _lead(job, Cluster("yarn", opener(application, own)), mark, say)
        say(end)
    news.close()
    server.shutdown()
    status, text = ("FAILED", end.text) if isinstance(end, Failure) else ("SUCCEEDED", _done(end))
    application.shutdown(status, text)
    time.sleep(END_SECONDS)  # Skein ends this process
    return int(status == "FAILED")


def _lead(job: Job, cluster: Cluster, mark: str, say: Listener) -> Outcome | Failure:
    """Train; an error of the job itself is written down, so that the next attempt ends with it."""
    try:
        return train(job, cluster, say=say)
    except AttemptOver as exc:
        log(str(exc))
        os._exit(1)  # the next attempt goes on; nobody shall take this for the job's end
    except YarnmlError as exc:
        failure = Failure(type(exc).__name__, str(exc), exc.detail)
        _write_down(mark, failure)
        return failure


def opener(application: skein.ApplicationClient, own: Certificate) -> OpenCrew:
    """The opener of a crew of this application's containers; see `yarnml.master.crew.OpenCrew`."""

    @contextmanager
    def open_crew(job: Job, log_folder: str, say: Listener) -> Iterator[Master]:
        containers = Containers(job, application)
        master = Master(job, containers, os.environ["NM_HOST"], own, say)
        application.kv[MASTER] = master.address.encode()
        try:
            master.assemble()
            yield master
        finally:
            master.close()

    return open_crew


def progress(event: Event) -> float | None:
    """The part that is done of a training, or of the search before it; None where an event doesn't tell."""
    match event:
        case EpochDone(epoch, epochs):
            return epoch / epochs
        case TrialDone(done, trainings):
            return done / trainings
    return None


def _done(outcome: Outcome) -> str:
    return f"{outcome.name} is done; " + (f"model: {outcome.export}" if outcome.export else outcome.checkpoint)


def _failed_before(mark: str) -> Failure | None:
    """The error that ended an earlier attempt."""
    return msgspec.json.decode(storage.read(mark), type=Failure) if storage.exists(mark) else None


def _write_down(mark: str, failure: Failure) -> None:
    try:
        storage.write(mark, msgspec.json.encode(failure))
    except OSError as exc:
        log(f"The next attempt will not know of this failure: {exc}")


def _leave_with_parent(parent: int) -> None:
    """End at once when Skein's application master does, so that two attempts never lead at the same time."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
