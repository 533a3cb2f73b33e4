"""The master inside Skein's application master: the same rounds as anywhere, with containers for workers.

YARN starts it anew when it dies, as a new attempt, which goes on from the newest checkpoint.  A job's own error would
only happen again: it is written into a file beside the application's, and the next attempt ends with it at once.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from rich.console import Console

from yarnml import storage
from yarnml.checkpoint.lease import LeaseLost
from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.application import EVENTS_ADDRESS, JOB_FILE, MASTER_ADDRESS
from yarnml.clusters.yarn.capacity import rest
from yarnml.clusters.yarn.containers import time_limit, token_renewal, viewers_page, watchdog
from yarnml.clusters.yarn.containers.event_log import EventLog
from yarnml.clusters.yarn.containers.launcher import AttemptOver, SkeinLauncher
from yarnml.clusters.yarn.containers.page import serve_page
from yarnml.clusters.yarn.observe.logs import EVENTS
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.credentials import Certificate
from yarnml.control.rpc import ControlServer
from yarnml.errors import TimeOver, YarnmlError
from yarnml.events.console import JobConsole
from yarnml.events.events import End, EpochDone, Event, Failure, Listener, Outcome, ShardsDone, TrialDone
from yarnml.events.log import log, log_what_nobody_catches
from yarnml.events.measurements import ProcessPlaced
from yarnml.events.redaction import redacted
from yarnml.events.submission import SUBMITTED, UserAction
from yarnml.job import paths
from yarnml.job.base import BaseJob, places
from yarnml.job.load import AnyJob, decode_job
from yarnml.master.crew import Cluster, OpenCrew
from yarnml.master.locality import Locality
from yarnml.master.master import Master
from yarnml.runner import lead
from yarnml.storage.errors import TOKEN_ENDED
from yarnml.storage.security import identity, tokens

END_SECONDS = 60.0
"""Longest wait for Skein to end the application."""

PARENT_CHECK_SECONDS = 0.5
"""Time between two looks for Skein's application master, the parent of this process."""


def main() -> int:
    """Lead the job of this container to its end, and tell Skein and YARN how that was; the exit status."""
    log_what_nobody_catches()
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True, name="guard").start()
    job = decode_job(Path(JOB_FILE).read_bytes())
    watchdog.guard(job.workers.timeout, "The master")  # its workers have given it up by then
    application = skein.ApplicationClient.from_current()
    if token_renewal.log_in():
        token_renewal.start_renewing(application, [*places(job).values(), os.environ["YARNML_HOME"]])
    failure_file = paths.failure(paths.staging(os.environ["YARNML_HOME"], skein.properties.application_id))
    event_log = EventLog(Path(os.environ["LOG_DIRS"].partition(",")[0]) / EVENTS)
    certificate = credentials.in_container()
    server = ControlServer(event_log.answer, os.environ["NM_HOST"], certificate)
    application.kv[EVENTS_ADDRESS] = server.address.encode()
    close_page = viewers_page.open_page(application, event_log) if job.acls.followers else None
    with JobConsole(Console(highlight=False, width=200, force_terminal=False)) as show:

        def say(event: Event) -> None:
            event_log.append(event)
            if (fraction := fraction_done(event)) is not None:
                with suppress(skein.exceptions.SkeinError):  # only for a bar on YARN's pages
                    application.set_progress(fraction)
            show(event)

        submitter = _submitter()
        say(UserAction(submitter, SUBMITTED))
        serve_page(application, job.folder, say)
        limit = time_limit.start_clock(say)
        open_crew = crew_opener(application, certificate, limit)
        cluster = Cluster("yarn", open_crew, host=os.environ["NM_HOST"], submitter=submitter)
        end = _earlier_failure(failure_file) or _lead(job, cluster, failure_file, say, limit)
        say(end)
    event_log.close()
    server.shutdown()
    if close_page:
        close_page()
    status, text = ("FAILED", end.text) if isinstance(end, Failure) else ("SUCCEEDED", _success(end))
    application.shutdown(status, text)
    time.sleep(END_SECONDS)  # Skein ends this process
    return int(status == "FAILED")


def _lead(job: AnyJob, cluster: Cluster, failure_file: str, say: Listener, limit: Callable[[], str]) -> End | Failure:
    """Do the job; an error of the job itself goes into a file, so that the next attempt ends with it."""
    try:
        return lead(job, cluster, say=say)
    except AttemptOver as exc:
        log(str(exc))
        os._exit(1)  # the next attempt goes on; this must not be taken for the job's end
    except YarnmlError as exc:
        if isinstance(exc, LeaseLost) and exc.same_application:
            log(str(exc))
            os._exit(1)  # a newer attempt leads the job; nothing of this one's end may reach it
        error = TimeOver if limit() and TOKEN_ENDED in str(exc) else type(exc)
        failure = Failure(error.__name__, str(exc), exc.detail)
        _store_failure(failure_file, failure)
        return failure


def crew_opener(
    application: skein.ApplicationClient, certificate: Certificate, limit: Callable[[], str] = str
) -> OpenCrew:
    """The opener of a crew of this application's containers; see `yarnml.master.crew.OpenCrew`.

    ``limit``: says why there is no more time; empty as long as there is.
    """

    @contextmanager
    def open_crew(job: BaseJob, log_folder: str, say: Listener, locality: Locality | None = None) -> Iterator[Master]:
        node = f"{os.environ['NM_HOST']}:{os.environ['NM_HTTP_PORT']}"
        say(ProcessPlaced("master 0", rest.log_page(node, os.environ["CONTAINER_ID"])))
        launcher = SkeinLauncher(job, application, say)
        master = Master(job, launcher, os.environ["NM_HOST"], certificate, say, locality, limit)
        application.kv[MASTER_ADDRESS] = master.address.encode()
        try:
            master.assemble()
            yield master
        finally:
            master.close()

    return open_crew


def fraction_done(event: Event) -> float | None:
    """The part of a job, or of the search before a training, that is done; None where an event does not tell."""
    match event:
        case EpochDone(epoch, epochs):
            return epoch / epochs
        case TrialDone(done, trainings):
            return done / trainings
        case ShardsDone(_, done, shards):
            return done / shards
    return None


def _submitter() -> str:
    """The user who submitted this job, and in whose name where it was another's."""
    origin = tokens.taken_by(tokens.own())
    if origin is None:
        return identity.user()
    return f"{origin.real_user}, in the name of {origin.owner}," if origin.real_user else origin.owner


def _success(outcome: End) -> str:
    if isinstance(outcome, Outcome):
        result = f"model: {outcome.export}" if outcome.export else outcome.checkpoint
    else:
        result = f"output: {outcome.output}"
    return redacted(f"{outcome.name} is done; {result}")


def _earlier_failure(failure_file: str) -> Failure | None:
    """The job's own error that ended an earlier attempt."""
    return msgspec.json.decode(storage.read(failure_file), type=Failure) if storage.exists(failure_file) else None


def _store_failure(failure_file: str, failure: Failure) -> None:
    try:
        storage.write(failure_file, msgspec.json.encode(failure))
    except OSError as exc:
        log(f"The next attempt will not know of this failure: {exc}")


def _exit_with_parent(parent: int) -> None:
    """End at once when Skein's application master does, so that two attempts never lead at the same time."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
