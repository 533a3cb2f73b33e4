"""The commands of an edge node: submit a job, and everything that is done with one afterwards."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from yarnml.clusters.yarn.application import JOB_FILE, MASTER_ADDRESS, Login, check_paths, specification, tag_of
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.edge import log_reader
from yarnml.clusters.yarn.edge.admission import check_admission, describe_time_limit
from yarnml.clusters.yarn.edge.client import MASTER_CALL_SECONDS, Yarn, check_name, connected, home
from yarnml.clusters.yarn.edge.follow import EventFollower, follow
from yarnml.clusters.yarn.edge.keep_alive import kept_alive
from yarnml.clusters.yarn.edge.skein_answers import ALL_STATES, LIVE_STATES
from yarnml.clusters.yarn.observe import processes, status
from yarnml.clusters.yarn.observe.diagnosis import logged_events
from yarnml.clusters.yarn.observe.logs import EVENTS, FILES, Log, application_logs
from yarnml.clusters.yarn.observe.status import Application, Status, TrainingStatus, training_status
from yarnml.clusters.yarn.packaging.provision import VARIABLES, Provision, provide
from yarnml.control.calls import Resize, Resized
from yarnml.control.rpc import ControlClient
from yarnml.errors import ClusterError, Interrupted, JobFileError
from yarnml.events.events import Listener, Submitted
from yarnml.events.text import local_time
from yarnml.job.base import BaseJob
from yarnml.job.prediction import Prediction
from yarnml.job.spec import Job
from yarnml.storage import hadoop_config
from yarnml.storage.security import identity, keytab

Note = Callable[[str], None]
"""A function that hears a remark for the user."""


class SubmitOptions(NamedTuple):
    """The ways to submit a job.

    ``restart``: forget its checkpoints.
    ``detach``: don't wait for its end.
    ``unless_running``: follow the application that leads it already, where there is one.
    ``keep_alive``: how often it is submitted again when its delegation tokens end.
    ``login``: by which the command and the job's master log in; None for the user's ticket.
    """

    restart: bool = False
    detach: bool = False
    unless_running: bool = False
    keep_alive: int = 0
    login: Login | None = None


def submit_job(job: Job | Prediction, say: Listener, note: Note, options: SubmitOptions) -> None:
    """Send a job to YARN and, unless detached, show it until it ends."""
    login = options.login
    with keytab.used(Path(login.keytab), login.principal) if login else nullcontext():
        again = options._replace(restart=False, unless_running=True)

        def follow(first: bool) -> None:
            _submit_once(job, say, note, options if first else again)

        if options.keep_alive:
            kept_alive(follow, options.keep_alive, note)
        else:
            follow(first=True)


def _submit_once(job: Job | Prediction, say: Listener, note: Note, options: SubmitOptions) -> None:
    """Send a job to YARN, or find the application that leads it, and follow it to its end unless detached."""
    memory_limits = check_admission(job)
    with connected() as yarn:
        running = yarn.applications(tag_of(job)) if options.unless_running else []
        sent = running[0] if running else _send(yarn, job, memory_limits, say, note, options)
        if sent is None:
            return
        say(Submitted(sent.id, sent.url))
        if not options.detach:
            _follow_to_end(yarn, sent.id, say)


def _send(
    yarn: Yarn,
    job: Job | Prediction,
    memory_limits: Mapping[str, int],
    say: Listener,
    note: Note,
    options: SubmitOptions,
) -> Application | None:
    """Check a job once more and send it; None where it has nothing left to do."""
    submission = yarn.prepare(job, note, restart=options.restart)
    if submission.outcome:
        say(submission.outcome)
    if not submission.provision:
        return None
    with suppress(UnknownToYarn):
        if not options.login and (text := describe_time_limit(job)):
            note(text)
    yarn.refuse_second(job)  # again: to pack may take minutes
    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder:  # has secrets, so it goes at once
        return yarn.send(
            job,
            build_application(job, folder, submission.home, submission.provision, memory_limits, options.login),
        )


def print_application(job: BaseJob) -> str:
    """The Skein application that would be sent, as YAML; nothing is packed, stored or sent."""
    check_paths(job)
    provision = provide(job, home(), lambda text: None, send=False)
    # The cluster is not asked for the largest container that it has, so the application has every larger size.
    memory_limits = dict.fromkeys(("worker", "reducer"), sys.maxsize)
    kerberos = hadoop_config.configuration().wants_kerberos
    application = specification(job, JOB_FILE, home(), provision, memory_limits, kerberos=kerberos)
    return yaml.dump(application, Dumper=_ReadableDumper, sort_keys=False, width=120)


def attach_to_job(name: str, say: Listener, note: Note) -> None:
    """Show a job until it ends; one that had ended shows how."""
    with _application(name) as (yarn, application):
        _refuse_others(application, "follow it")
        if not application.live:
            note(f"{application.id} had ended before, {local_time(application.finished)}.")
        _follow_to_end(yarn, application.id, say)


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
        return status.applications_table(own)
    return "No application of yours." if every else "None of yours is running or waiting; --all lists the ended ones."


def job_status(name: str) -> Status:
    """The status of a job that lives, or that has ended."""
    with _application(name) as (yarn, application):
        if application.live:
            batch = EventFollower(yarn, application.id).poll()
            training = training_status(batch.events, batch.tick) if batch else TrainingStatus()
            return Status(application, training, yarn.processes(application.id))
    logs: list[Log] = []
    with suppress(ClusterError):  # without logs YARN's own words remain
        logs = application_logs(application.id, EVENTS, FILES["skein"], log_reader.EVERYWHERE)
    return Status(application, training_status(logged_events(logs)), processes.from_logs(logs))


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
            reply = line.call(Resize(workers, reducers, identity.user()))
    assert isinstance(reply, Resized)
    if reply.refused:
        raise JobFileError(reply.text)
    return f"{application.id}: {reply.text}"


def build_application(
    job: BaseJob,
    folder: str,
    home: str,
    provision: Provision,
    memory_limits: Mapping[str, int] = {},
    login: Login | None = None,
) -> dict[str, Any]:
    """The Skein application of a job, with the job and its variables written into ``folder`` for Skein to upload.

    The folder, as Skein's own on HDFS, is the user's alone.

    ``memory_limits``: by role, the MiB of the largest container that can be had.
    """
    job_file = Path(folder) / JOB_FILE
    job_file.write_bytes(msgspec.json.encode(job))
    if provision.secret:
        job_file.with_name(VARIABLES).write_text(provision.secret, encoding="utf-8")
    kerberos = hadoop_config.configuration().wants_kerberos
    return specification(job, str(job_file), home, provision, memory_limits, login, kerberos=kerberos)


@contextmanager
def _application(name: str) -> Iterator[tuple[Yarn, Application]]:
    """Connect to YARN and find the application of an id or of a job's name."""
    check_name(name)
    with connected() as yarn:
        yield yarn, yarn.find(name)


def _follow_to_end(yarn: Yarn, application: str, say: Listener) -> None:
    """Follow a job; Ctrl-C leaves it running."""
    try:
        outcome = follow(yarn, application, say)
    except KeyboardInterrupt:
        raise Interrupted(
            f"only watching; {application} goes on. `yarnml attach {application}` shows it again, "
            f"`yarnml kill {application}` ends it."
        ) from None
    if outcome:
        say(outcome)


class _ReadableDumper(yaml.SafeDumper):
    """YAML for people: scripts as they are, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_ReadableDumper.add_representer(str, _represent_text)
