"""The edge node's end of YARN: send an application, look at it, follow it, end it."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import skein

from yarnml import storage
from yarnml.checkpoint.store import Checkpoints
from yarnml.clusters.yarn import credentials
from yarnml.clusters.yarn.application import JOB_FILE, NEWS, TAG, tag_of
from yarnml.clusters.yarn.capacity import resource_manager, rest
from yarnml.clusters.yarn.capacity.answers import AttemptsAnswer, ContainerAnswer, decode
from yarnml.clusters.yarn.observe import processes
from yarnml.clusters.yarn.observe.processes import Place
from yarnml.clusters.yarn.observe.status import Application
from yarnml.clusters.yarn.packaging.provision import Provision, provide
from yarnml.control.credentials import Certificate
from yarnml.errors import ClusterError, JobFileError
from yarnml.events.events import Outcome
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.runner import preflight
from yarnml.storage import hadoop_config
from yarnml.storage.retry import bounded

LIVE = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING")
EVERY = tuple(str(state) for state in skein.model.ApplicationState)
LOOK_SECONDS = 1.0  # between two looks at an application
CALL_SECONDS = 10.0  # how long a master may take to answer
CONTAINER_SECONDS = 20.0  # how long nodes may take to end the containers of an application that has ended
END_SECONDS = 60.0  # how long YARN may take to note the end of an application
QUICK_JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # a third less until a driver that lives for seconds is up

_ID = re.compile(r"application_\d+_\d+")


def home() -> str:
    """The URL of the user's yarnml folder on the cluster's default filesystem."""
    return f"{hadoop_config.configuration().root}/user/{hadoop_config.user()}/.yarnml"


@contextmanager
def connected() -> Iterator["Yarn"]:
    """A line to YARN: Skein's driver, a Java process that lives as long as the block."""
    resource_manager.find_active(hadoop_config.configuration())
    with tempfile.NamedTemporaryFile(prefix="yarnml-driver-") as log:
        try:
            security = credentials.new_security()  # else it keeps one in ~/.skein
            options = [*QUICK_JAVA, *os.environ.get("SKEIN_DRIVER_JAVA_OPTIONS", "").split()]
            client = skein.Client(security=security, log=log.name, java_options=options)
        except (skein.exceptions.SkeinError, OSError, subprocess.CalledProcessError) as exc:
            said = log.read().decode(errors="replace")
            raise ClusterError(
                f"Skein's driver, a Java program, did not start: {exc}; `yarnml doctor` looks at its Java and jars.",
                said,
            ) from exc
        with client:
            yield Yarn(client)


def check_name(name: str) -> None:
    """Refuse what can be neither an application's id nor a job's name, without asking anybody."""
    if name.startswith("application_") and not _ID.fullmatch(name):
        raise JobFileError(f"{name} is no application: an id looks like application_1700000000000_0001.")


class Yarn:
    """The applications of yarnml on one cluster."""

    def __init__(self, client: skein.Client) -> None:
        self._client = client

    def prepare(self, job: Job, note: Callable[[str], None], *, restart: bool = False) -> "Prepared":
        """Check a job and bring what its containers need to the cluster; nothing runs yet."""
        running = self.applications(tag_of(job))
        if running:
            raise JobFileError(
                f"checkpoint.path {job.checkpoint.path} is in use: {running[0].id} runs this job; "
                f"`yarnml attach {running[0].id}` shows it, `yarnml kill {running[0].id}` ends it."
            )
        start = preflight(job, restart=restart)
        return Prepared(job, start.outcome, home(), None if start.outcome else provide(job, home(), note))

    def applications(self, tag: str = TAG, states: tuple[str, ...] = LIVE) -> list[Application]:
        """Applications of yarnml, or of one job, newest first."""
        with _translated():
            found = self._client.get_applications(states=states)
        return sorted((_application(r) for r in found if tag in r.tags), key=lambda a: a.id, reverse=True)

    def send(self, job: Job, application: dict[str, Any]) -> Application:
        spec = skein.ApplicationSpec.from_dict(application)
        spec.master.security = credentials.new_security()
        with _translated(f"queue {job.queue}: "):
            return self.report(self._client.submit(spec))

    def report(self, application: str) -> Application:
        with _translated():
            return _application(self._client.application_report(application))

    def staging(self, application: str) -> str:
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
        return _application(report)

    def places(self, application: str) -> list[Place]:
        """The processes of a live application: its masters, and all workers and reducers of the present one."""
        masters: list[Place] = []
        with contextlib.suppress(OSError):
            answer = rest.resource_manager(f"apps/{application}/appattempts", AttemptsAnswer)
            masters = processes.of_attempts(answer.app_attempts.app_attempt if answer.app_attempts else [])
        every = list(skein.model.ContainerState)
        found = self._ask(application, lambda line: line.get_containers(states=every)) or []
        return [*masters, *processes.of_containers(found)]

    def master(self, application: str, door: str = NEWS) -> tuple[str, Certificate] | None:
        """Where a job's events can be followed, and with which certificate; None where no master is up.

        ``door``: MASTER is where the master itself listens.
        """
        address = self._ask(application, lambda line: line.kv.get(door))
        with contextlib.suppress(OSError):
            return address and (address.decode(), credentials.of_application(self.staging(application))[1])
        return None

    def kill(self, application: str) -> None:
        """End an application and clear away what it left, once its containers are gone."""
        containers = self.places(application)
        job = self._job(application)
        with _translated():
            self._client.kill_application(application)
        deadline = time.monotonic() + END_SECONDS
        while self.report(application).live:
            if time.monotonic() > deadline:
                raise ClusterError(f"{application} did not end within {END_SECONDS:.0f} s; its queue's owner may help.")
            time.sleep(LOOK_SECONDS)
        deadline = time.monotonic() + CONTAINER_SECONDS
        while any(map(_runs, containers)) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        self.clear_away(application)
        if job:
            Checkpoints(str(job.checkpoint.path), job.checkpoint.keep).discard()

    def clear_away(self, application: str) -> None:
        """Remove what an ended application left: Skein's master does it, unless it was killed, too."""
        with contextlib.suppress(OSError), storage.patience(CONTAINER_SECONDS):
            storage.remove(self.staging(application))

    def _of_job(self, name: str) -> Application:
        found = [a for a in self.applications() if a.name == name and a.user == hadoop_config.user()]
        if not found:
            raise JobFileError(
                f"No application of yours with the name {name} is running or waiting; `yarnml ls --all` lists them all."
            )
        if len(found) > 1:
            raise JobFileError(f"{name} is the name of several: {', '.join(a.id for a in found)}; take one of these.")
        return found[0]

    def _job(self, application: str) -> Job | None:
        """The job of a live application, as it was sent; None where its staging folder does not tell."""
        try:
            found = (url for url in storage.find(self.staging(application)) if url.endswith(f"/{JOB_FILE}"))
            return next((msgspec.json.decode(storage.read(url), type=Job) for url in found), None)
        except (OSError, msgspec.DecodeError):
            return None

    def _ask(self, application: str, question: Callable[["skein.ApplicationClient"], Any]) -> Any:
        """What Skein's application master answers; None where there is none now."""
        try:
            security = credentials.of_application(self.staging(application))[0]
            line = self._client.connect(application, wait=False, security=security)
            return bounded(lambda: question(line), CALL_SECONDS)
        except (OSError, skein.exceptions.SkeinError):
            return None


@dataclass(frozen=True)
class Prepared:
    """A job that was checked.  ``outcome``: of one that has nothing left to do; else how its containers get Python."""

    job: Job
    outcome: Outcome | None
    home: str
    provision: Provision | None


def _application(report: Any) -> Application:
    started, finished = (moment.timestamp() if moment else 0.0 for moment in (report.start_time, report.finish_time))
    state, live = str(report.state), str(report.state) in LIVE
    if state == "FINISHED":
        state = str(report.final_status)
    return Application(
        id=report.id,
        name=report.name,
        user=report.user,
        queue=report.queue.removeprefix("root."),
        state=state,
        live=live,
        url=str(report.tracking_url or ""),
        diagnostics=" ".join(str(report.diagnostics or "").split()),
        started=started,
        finished=finished,
        progress=report.progress,
    )


def _runs(place: Place) -> bool:
    """Whether its node still has this container running; False where it does not tell."""
    if not place.container or not place.node:
        return False
    try:
        answer = decode(rest.node_manager(place.node, f"containers/{place.container}"), ContainerAnswer)
        return answer.container.state not in ("DONE", "COMPLETE")
    except (OSError, msgspec.DecodeError):
        return False


@contextmanager
def _translated(where: str = "") -> Iterator[None]:
    try:
        yield
    except skein.exceptions.SkeinError as exc:
        raise ClusterError(f"{where}{refusal(str(exc))}") from exc


def refusal(text: str) -> str:
    """The sentence of YARN's that says why, out of a Java exception."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("at ")]
    telling = next((line for line in lines if ":" in line and "Exception" in line), lines[0] if lines else "no reason")
    return re.sub(r"^.*?(\w+\.)*\w*Exception: ", "", telling).strip()
