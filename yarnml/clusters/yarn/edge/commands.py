"""The commands of an edge node: submit a job, and everything that is done with one afterwards."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from yarnml.clusters.yarn.application import MASTER_ADDRESS
from yarnml.clusters.yarn.edge import log_reader
from yarnml.clusters.yarn.edge.client import MASTER_CALL_SECONDS, Yarn, check_name, connected
from yarnml.clusters.yarn.edge.follow import EventFollower
from yarnml.clusters.yarn.edge.register import folder_of, recalled_status, record_end
from yarnml.clusters.yarn.edge.skein_answers import ALL_STATES, KILLED, LIVE_STATES
from yarnml.clusters.yarn.edge.submit import Note, follow_to_end
from yarnml.clusters.yarn.observe import pages, processes, status
from yarnml.clusters.yarn.observe.diagnosis import logged_events
from yarnml.clusters.yarn.observe.logs import EVENTS, FILES, Log, application_logs
from yarnml.clusters.yarn.observe.status import Application, Status, TrainingStatus, training_status
from yarnml.control.calls import Resize, Resized
from yarnml.control.rpc import ControlClient
from yarnml.errors import ClusterError, HistoryError, Interrupted, JobFileError
from yarnml.events.events import Failure, Listener, ShardsDone, Tick
from yarnml.events.text import count_of, local_time
from yarnml.storage.security import identity
from yarnml.watch.history.pieces import HistoryReader


def attach_to_job(name: str, say: Listener, note: Note) -> None:
    """Show a job until it ends; one that had ended shows how."""
    with _application(name) as (yarn, application):
        foreign = application.user != identity.user()
        if foreign and application.live:
            try:
                pages.fetch(application.id)
            except OSError as exc:
                raise ClusterError(
                    f"{application.id} is {application.user}'s, and only they and whom its acls.view names can follow "
                    f"it: {exc}"
                ) from exc
        if not application.live:
            _refuse_others(application, "see how it ended")
            note(f"{application.id} had ended before, {local_time(application.finished)}.")
        follow_to_end(yarn, application.id, say, foreign=foreign)


def _refuse_others(application: Application, act: str) -> None:
    """Raise ClusterError where an application is another user's, to whom alone its master answers."""
    if application.user != identity.user():
        raise ClusterError(f"{application.id} is {application.user}'s, and only they can {act}.")


def list_jobs(*, every: bool) -> str:
    """The user's applications, newest first: those that live, or with ``every`` all that YARN still knows."""
    with connected() as yarn:
        applications = yarn.applications(states=ALL_STATES if every else LIVE_STATES)
    user = identity.user()
    own = [a for a in applications if a.user == user]
    if own:
        return status.applications_table(own, {a.id: newest_step(a.id) for a in own if a.live})
    return "No application of yours." if every else "None of yours is running or waiting; --all lists the ended ones."


def job_status(name: str) -> Status:
    """The status of a job that lives, or that has ended, even where the cluster has forgotten it."""
    check_name(name)
    with connected() as yarn:
        try:
            application = yarn.find(name)
        except JobFileError:
            recalled = recalled_status(name)
            if recalled:
                return recalled
            raise
        if application.live:
            batch = EventFollower(yarn, application.id, foreign=application.user != identity.user()).poll()
            training = training_status(batch.events, batch.tick) if batch else TrainingStatus()
            return Status(application, training, yarn.processes(application.id))
    logs: list[Log] = []
    with suppress(ClusterError):  # without logs YARN's own words remain
        logs = application_logs(application.id, EVENTS, FILES["skein"], log_reader.EVERYWHERE)
    return Status(application, training_status(logged_events(logs)), processes.from_logs(logs))


def newest_step(application: str) -> str:
    """The newest step of a job and its loss, or the shards that it has done, by its history; empty without any."""
    try:
        entries = HistoryReader(folder_of(application)).newest()
    except (JobFileError, HistoryError):
        return ""
    for entry in reversed(entries):
        match entry.event:
            case Tick(step, loss):
                return f"{step}, loss {loss:.4g}"
            case ShardsDone(_, done, shards):
                return f"{done} of {count_of(shards, 'shard')}"
    return ""


def folder_of_job(name: str) -> str:
    """The folder of the job of an application, by its id or by the name of one that lives."""
    check_name(name)
    if name.startswith("application_"):
        return folder_of(name)
    with connected() as yarn:
        return folder_of(yarn.find(name).id)


def read_logs(name: str, role: str | None, index: int | None, *, follow: bool) -> Iterator[str]:
    """The logs of a job's processes, each under a line that says whose it is."""
    with _application(name) as (yarn, application):
        yield from log_reader.read(yarn, application, log_reader.LogSelection(role, index), follow=follow)


def kill_job(name: str) -> str:
    """End a job for good; a sentence about it."""
    with _application(name) as (yarn, application):
        if not application.live:
            return f"{application.id} had ended before: {application.state}."
        yarn.kill(application.id)
        if yarn.report(application.id).state == KILLED:
            record_end(application.id, Failure(Interrupted.__name__, f"{identity.actor()} killed this job."))
        return f"{application.id} was ended; submitted again, its job goes on from the newest checkpoint."


def scale_job(name: str, workers: int | None, reducers: int | None) -> str:
    """Have a running job use other numbers of processes; a sentence about it.  None leaves a role as it is."""
    with _application(name) as (yarn, application):
        master = yarn.master(application.id, MASTER_ADDRESS) if application.live else None
        if master is None:
            _refuse_others(application, "have it scaled")
            raise ClusterError(
                f"{application.id} is {application.state} and has no master to tell; a job that has not begun, or has "
                "ended, takes workers.count from its file when it is submitted."
            )
        with closing(ControlClient(*master, MASTER_CALL_SECONDS)) as line:
            reply = line.call(Resize(workers, reducers, identity.actor()))
    assert isinstance(reply, Resized)
    if reply.refused:
        raise JobFileError(reply.text)
    return f"{application.id}: {reply.text}"


@contextmanager
def _application(name: str) -> Iterator[tuple[Yarn, Application]]:
    """Connect to YARN and find the application of an id or of a job's name."""
    check_name(name)
    with connected() as yarn:
        yield yarn, yarn.find(name)
