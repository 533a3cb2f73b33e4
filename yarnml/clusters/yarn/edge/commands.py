"""The commands of an edge node: submit a job, and everything that is done with one afterwards."""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import yaml

from yarnml.clusters.yarn.application import JOB_FILE, MASTER, check_paths, specification
from yarnml.clusters.yarn.edge import log_reader
from yarnml.clusters.yarn.edge.admission import check
from yarnml.clusters.yarn.edge.client import CALL_SECONDS, EVERY, LIVE, Yarn, check_name, connected, home
from yarnml.clusters.yarn.edge.follow import Listener, follow
from yarnml.clusters.yarn.observe import processes, status
from yarnml.clusters.yarn.observe.diagnosis import events
from yarnml.clusters.yarn.observe.logs import EVENTS, FILES, Log, of_application
from yarnml.clusters.yarn.observe.status import Application
from yarnml.clusters.yarn.packaging.provision import Provision, provide
from yarnml.control.calls import Resize, Resized
from yarnml.control.rpc import ControlClient
from yarnml.errors import ClusterError, Interrupted, JobFileError
from yarnml.events.events import Event, Submitted
from yarnml.job.spec import Job
from yarnml.storage import hadoop_config

Say = Callable[[Event], None]
Note = Callable[[str], None]


def submit(job: Job, say: Say, note: Note, *, restart: bool, detach: bool) -> None:
    """Send a job to YARN and, unless detached, show it until it ends."""
    most = check(job)
    with connected() as yarn, tempfile.TemporaryDirectory(prefix="yarnml-") as folder:
        prepared = yarn.prepare(job, note, restart=restart)
        if prepared.outcome:
            say(prepared.outcome)
        if not prepared.provision:
            return
        sent = yarn.send(job, describe(job, folder, prepared.home, prepared.provision, most))
        say(Submitted(sent.id, sent.url))
        if not detach:
            _show(yarn, sent.id, say)


def dry_run(job: Job) -> str:
    """The Skein application that would be sent, as YAML; nothing is packed, stored or sent."""
    check_paths(job)
    provision = provide(job, home(), lambda text: None, send=False)
    most = dict.fromkeys(("worker", "reducer"), sys.maxsize)  # nobody is asked for what the cluster has
    return yaml.dump(specification(job, JOB_FILE, home(), provision, most), Dumper=_Plain, sort_keys=False, width=120)


def attach(name: str, say: Say, note: Note) -> None:
    """Show a job until it ends; one that had ended shows how."""
    with _found(name) as (yarn, application):
        if application.user != hadoop_config.user():
            raise ClusterError(f"{application.id} is {application.user}'s, and only they can follow it.")
        if not application.live:
            note(f"{application.id} had ended before, {status.clock(application.finished)}.")
        _show(yarn, application.id, say)


def listing(*, every: bool) -> str:
    """The user's applications, newest first: those that live, or all that YARN still knows."""
    with connected() as yarn:
        found = yarn.applications(states=EVERY if every else LIVE)
    mine = [a for a in found if a.user == hadoop_config.user()]
    if mine:
        return status.listed(mine)
    return "No application of yours." if every else "None of yours is running or waiting; --all lists the ended ones."


def look(name: str) -> status.Status:
    """How a job stands, or how it ended."""
    with _found(name) as (yarn, application):
        if application.live:
            news = Listener(yarn, application.id).news()
            told = status.training(news.events, news.tick) if news else status.Training()
            return status.Status(application, told, yarn.places(application.id))
    logs: list[Log] = []
    with suppress(ClusterError):  # YARN's own words are left
        logs = of_application(application.id, EVENTS, FILES["skein"], log_reader.EVERYWHERE)
    return status.Status(application, status.training(events(logs)), processes.of_logs(logs))


def logs(name: str, role: str | None, index: int | None, *, follow: bool) -> Iterator[str]:
    """The logs of a job's processes, each under a line that says whose it is."""
    with _found(name) as (yarn, application):
        yield from log_reader.logs(yarn, application, log_reader.Wanted(role, index), follow=follow)


def kill(name: str) -> str:
    """End a job for good; what there is to say of it."""
    with _found(name) as (yarn, application):
        if not application.live:
            return f"{application.id} had ended before: {application.state}."
        yarn.kill(application.id)
        return f"{application.id} was ended; submitted again, its job goes on from the newest checkpoint."


def scale(name: str, workers: int | None, reducers: int | None) -> str:
    """Have a running job use other numbers of processes; what there is to say of it."""
    with _found(name) as (yarn, application):
        door = yarn.master(application.id, MASTER) if application.live else None
        if door is None:
            raise ClusterError(
                f"{application.id} is {application.state} and has no master to tell; a job that has not begun, or has "
                "ended, takes workers.count from its file when it is submitted."
            )
        with closing(ControlClient(*door, CALL_SECONDS)) as line:
            told = line.call(Resize(workers, reducers))
    assert isinstance(told, Resized)
    if told.refused:
        raise JobFileError(told.text)
    return f"{application.id}: {told.text}"


def describe(job: Job, folder: str, home: str, provision: Provision, most: Mapping[str, int] = {}) -> dict[str, Any]:
    """The Skein application of a job, with the job itself written into ``folder`` for Skein to upload."""
    job_file = Path(folder) / JOB_FILE
    job_file.write_bytes(msgspec.json.encode(job))
    return specification(job, str(job_file), home, provision, most)


@contextmanager
def _found(name: str) -> Iterator[tuple[Yarn, Application]]:
    """A line to YARN, and the application that is meant."""
    check_name(name)
    with connected() as yarn:
        yield yarn, yarn.find(name)


def _show(yarn: Yarn, application: str, say: Say) -> None:
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


class _Plain(yaml.SafeDumper):
    """YAML for people: scripts as they are, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)
