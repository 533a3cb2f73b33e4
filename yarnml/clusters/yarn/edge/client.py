"""The edge node's connection to YARN: send an application, look at it, follow it, end it."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from yarnml import storage
from yarnml.checkpoint.lease import Lease
from yarnml.checkpoint.store import Checkpoints
from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.application import EVENTS_ADDRESS, JOB_FILE, TAG, tag_of
from yarnml.clusters.yarn.capacity import availability, rest
from yarnml.clusters.yarn.capacity.answers import AttemptsAnswer, ContainerAnswer
from yarnml.clusters.yarn.edge.admission import check_kdc, check_ticket
from yarnml.clusters.yarn.edge.driver import Driver
from yarnml.clusters.yarn.edge.skein_answers import LIVE_STATES, application_of, refusal, skein_errors
from yarnml.clusters.yarn.observe import pages, processes
from yarnml.clusters.yarn.observe.processes import ProcessInfo
from yarnml.clusters.yarn.observe.status import Application
from yarnml.clusters.yarn.packaging.provision import Provision, plan
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.credentials import Certificate
from yarnml.errors import CheckpointError, ClusterError, JobFileError
from yarnml.events.events import End
from yarnml.job import paths
from yarnml.job.base import BaseJob
from yarnml.job.load import AnyJob, decode_job
from yarnml.job.spec import Job
from yarnml.runner import check
from yarnml.storage import hadoop_config
from yarnml.storage.answers import decode
from yarnml.storage.retry import bounded
from yarnml.storage.security import identity

CHECK_SECONDS = 1.0
"""Time between two looks at an application."""

MASTER_CALL_SECONDS = 10.0
"""Time limit for an answer of a master."""

CONTAINERS_END_SECONDS = 20.0
"""Longest wait for the nodes to end the containers of an application that has ended."""

APPLICATION_END_SECONDS = 60.0
"""Longest wait for YARN to note the end of an application."""

_ID = re.compile(r"application_\d+_\d+")
_T = TypeVar("_T")


def home() -> str:
    """The URL of the user's yarnml folder on the cluster's default filesystem."""
    return f"{identity.home()}/.yarnml"


@contextmanager
def connected() -> Iterator["Yarn"]:
    """Connect to YARN through Skein's driver, which ends with the block; it comes up while the block already runs."""
    settings = hadoop_config.configuration()
    check_ticket(settings)
    check_kdc(settings)
    availability.find_active(settings)
    with contextlib.closing(Driver()) as driver:
        yield Yarn(driver)


def check_name(name: str) -> None:
    """Refuse what can be neither an application's id nor a job's name, without a look at the cluster."""
    if name.startswith("application_") and not _ID.fullmatch(name):
        raise JobFileError(f"{name} is no application: an id looks like application_1700000000000_0001.")


class Yarn:
    """The applications of yarnml on one cluster."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    @property
    def _client(self) -> skein.Client:
        return self._driver.client

    def wait_for_driver(self) -> None:
        """Wait until Skein's driver has come up; ClusterError where it does not."""
        self._driver.wait()

    def prepare(self, job: AnyJob, note: Callable[[str], None], *, restart: bool = False) -> "Submission":
        """Check a job and bring what its containers need to the cluster; nothing runs yet."""
        folder = home()
        provision, packages = plan(job, folder)  # the driver comes up meanwhile
        self.refuse_second(job)
        end = check(job, restart=restart)
        if end is None:
            packages.store(note)
        return Submission(end, folder, None if end else provision)

    def refuse_second(self, job: BaseJob) -> None:
        """Raise JobFileError where an application leads this job already."""
        running = self.applications(tag_of(job))
        if running:
            raise JobFileError(
                f"{job.folder_field} {job.folder} is in use: {running[0].id} runs this job; "
                f"`yarnml attach {running[0].id}` shows it, `yarnml kill {running[0].id}` ends it."
            )

    def applications(self, tag: str = TAG, states: tuple[str, ...] = LIVE_STATES) -> list[Application]:
        """Applications of yarnml, or of one job, newest first."""
        with skein_errors():
            reports = self._client.get_applications(states=states)
        return sorted((application_of(r) for r in reports if tag in r.tags), key=lambda a: a.id, reverse=True)

    def send(self, job: BaseJob, application: dict[str, Any]) -> Application:
        """Send an application, with a certificate of its own, to the queue of its job."""
        spec = skein.ApplicationSpec.from_dict(application)
        spec.master.security = credentials.new_security()
        spec.user = identity.proxied()
        with skein_errors(f"queue {job.queue}: "):
            return self.report(self._client.submit(spec))

    def report(self, application: str) -> Application:
        """The present state of an application, by its id."""
        with skein_errors():
            return application_of(self._client.application_report(application))

    def staging(self, application: str) -> str:
        """The URL of the folder with the files of an application."""
        return paths.staging(home(), application)

    def find(self, name: str) -> Application:
        """The application of yarnml with this id, or the user's only live one for the job of this name."""
        if not name.startswith("application_"):
            return self._of_job(name)
        try:
            report = self._client.application_report(name)
        except (skein.exceptions.SkeinError, ValueError) as exc:
            raise JobFileError(f"There is no {name} on this cluster: {refusal(str(exc))}") from exc
        if TAG not in report.tags:
            raise JobFileError(f"{name}, {report.name} of user {report.user}, is not an application of yarnml.")
        return application_of(report)

    def processes(self, application: str) -> list[ProcessInfo]:
        """The processes of a live application: its masters, and all workers and reducers of the present one."""
        masters: list[ProcessInfo] = []
        with contextlib.suppress(OSError):
            answer = rest.resource_manager(f"apps/{application}/appattempts", AttemptsAnswer)
            masters = processes.from_attempts(answer.app_attempts.app_attempt)
        states = list(skein.model.ContainerState)
        own = self._ask(application, lambda line: line.get_containers(states=states))
        return [*masters, *(pages.processes(application) if own is None else processes.from_containers(own))]

    def master(self, application: str, key: str = EVENTS_ADDRESS) -> tuple[str, Certificate] | None:
        """The address of a job's master and the certificate to call it with; None where no master is up.

        ``key``: EVENTS_ADDRESS to follow its events, MASTER_ADDRESS to give it commands.
        """
        address = self._ask(application, lambda line: line.kv.get(key))
        with contextlib.suppress(OSError):
            return address and (address.decode(), credentials.of_application(self.staging(application))[1])
        return None

    def kill(self, application: str) -> None:
        """End an application and clear away what it left, once its containers are gone."""
        # After its end nothing tells of its containers or its job, so both are asked for before.
        containers = self.processes(application)
        job = self._job(application)
        with skein_errors():
            self._client.kill_application(application)
        deadline = time.monotonic() + APPLICATION_END_SECONDS
        while self.report(application).live:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{application} did not end within {APPLICATION_END_SECONDS:.0f} s; its queue's owner may help."
                )
            time.sleep(CHECK_SECONDS)
        deadline = time.monotonic() + CONTAINERS_END_SECONDS
        while any(map(_runs, containers)) and time.monotonic() < deadline:
            time.sleep(CHECK_SECONDS)
        self.clear_away(application)
        if job:
            with contextlib.suppress(CheckpointError):
                if Lease(job.folder).release_of(application) and isinstance(job, Job):
                    Checkpoints(job.folder, job.checkpoint.keep).sweep()

    def clear_away(self, application: str) -> None:
        """Remove the files of an ended application: Skein's master does it, too, unless it was killed."""
        with contextlib.suppress(OSError), storage.patience(CONTAINERS_END_SECONDS):
            storage.remove(self.staging(application))

    def _of_job(self, name: str) -> Application:
        user = identity.user()
        own = [a for a in self.applications() if a.name == name and a.user == user]
        if not own:
            raise JobFileError(
                f"No application of yours with the name {name} is running or waiting; `yarnml ls --all` lists them all."
            )
        if len(own) > 1:
            raise JobFileError(f"{name} is the name of several: {', '.join(a.id for a in own)}; take one of these.")
        return own[0]

    def _job(self, application: str) -> AnyJob | None:
        """The job of a live application, as it was sent; None where its staging folder does not tell."""
        try:
            urls = (url for url in storage.find(self.staging(application)) if url.endswith(f"/{JOB_FILE}"))
            return next((decode_job(storage.read(url)) for url in urls), None)
        except (OSError, UnicodeDecodeError, msgspec.DecodeError):
            return None

    def _ask(self, application: str, question: Callable[["skein.ApplicationClient"], _T]) -> _T | None:
        """The answer of Skein's application master; None where there is none now."""
        try:
            security = credentials.of_application(self.staging(application))[0]
            line = self._client.connect(application, wait=False, security=security)
            return bounded(lambda: question(line), MASTER_CALL_SECONDS)
        except (OSError, skein.exceptions.SkeinError):
            return None


@dataclass(frozen=True)
class Submission:
    """A job that was checked and can be sent.

    ``outcome``: of a job that has nothing left to do; None for others.
    ``home``: the URL of the user's yarnml folder.
    ``provision``: how the containers come to Python; None where nothing is left to do.
    """

    outcome: End | None
    home: str
    provision: Provision | None


def _runs(process: ProcessInfo) -> bool:
    """True where the node of a process still has its container running; False where the node does not tell."""
    if not process.container or not process.node:
        return False
    try:
        answer = decode(rest.node_manager(process.node, f"containers/{process.container}"), ContainerAnswer)
        return answer.container.state not in ("", "DONE", "COMPLETE")
    except (OSError, UnicodeDecodeError, msgspec.DecodeError):
        return False
