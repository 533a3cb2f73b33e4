"""The edge node's end of YARN: send an application, look at it, follow it, end it."""

import contextlib
import getpass
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import skein

from yarnml import hadoop, paths, storage
from yarnml.clusters.yarn import credentials, manager
from yarnml.clusters.yarn.application import NEWS, TAG, check_paths, tag_of
from yarnml.errors import ClusterError, JobFileError, WorkerLost
from yarnml.events import Outcome
from yarnml.job import Job
from yarnml.messages import Follow, News
from yarnml.provision import Provision, provide
from yarnml.submit import preflight
from yarnml.transport.control import ControlClient

ACTIVE = ("SUBMITTED", "ACCEPTED", "RUNNING")
LIVE = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING")
LOOK_SECONDS = 1.0  # between two looks at an application
CALL_SECONDS = 10.0  # how long the master may take to answer
END_SECONDS = 60.0  # how long YARN may take to note the end of an application


@dataclass(frozen=True)
class Application:
    """What YARN knows of an application.  ``status``: how it ended; times in seconds since 1970, 0 for not yet."""

    id: str
    name: str
    user: str
    queue: str
    state: str
    status: str
    url: str
    diagnostics: str
    started: float
    finished: float

    @property
    def live(self) -> bool:
        return self.state in LIVE


def home() -> str:
    """The URL of the user's yarnml folder on the cluster's default filesystem."""
    root = hadoop.configuration().default_fs
    if not root:
        raise ClusterError("fs.defaultFS is not set in the Hadoop configuration; set HADOOP_CONF_DIR to its folder.")
    return f"{root}/user/{os.environ.get('HADOOP_USER_NAME') or getpass.getuser()}/.yarnml"


@contextmanager
def connected() -> Iterator["Yarn"]:
    """A line to YARN: Skein's driver, a Java process that lives as long as the block."""
    manager.reach(hadoop.configuration())
    with tempfile.NamedTemporaryFile(prefix="yarnml-driver-") as log:
        try:
            client = skein.Client(log=log.name)
        except (skein.exceptions.SkeinError, OSError, subprocess.CalledProcessError) as exc:
            said = log.read().decode(errors="replace")
            raise ClusterError(
                f"Skein's driver, a Java program, did not start: {exc}; run `yarnml doctor`.", said
            ) from exc
        with client:
            yield Yarn(client)


class Yarn:
    """The applications of yarnml on one cluster."""

    def __init__(self, client: skein.Client) -> None:
        self._client = client

    def prepare(self, job: Job, note: Callable[[str], None], *, restart: bool = False) -> "Prepared":
        """Check a job and bring what its containers need to the cluster; nothing runs yet."""
        check_paths(job)
        running = self.applications(tag_of(job))
        if running:
            raise JobFileError(
                f"checkpoint.path {job.checkpoint.path} is in use: {running[0].id} runs this job; "
                f"`yarnml attach {running[0].id}` shows it, `yarnml kill {running[0].id}` ends it."
            )
        start = preflight(job, restart=restart)
        return Prepared(job, start.outcome, home(), None if start.outcome else provide(job, home(), note))

    def applications(self, tag: str = TAG, states: tuple[str, ...] = ACTIVE) -> list[Application]:
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

    def containers(self, application: str) -> list["skein.model.Container"]:
        """All containers of a running application; none where its master is not up."""
        return self._ask(application, lambda line: line.get_containers(states=list(skein.model.ContainerState))) or []

    def news(self, application: str, seen: int = 0, step: int = -1) -> tuple[str, News] | None:
        """What a running job has told since, and which master told it; None where none answers now."""
        address = self._ask(application, lambda line: line.kv.get(NEWS))
        if address is None:
            return None
        with contextlib.suppress(OSError, WorkerLost):
            certificate = credentials.of_application(self.staging(application))[1]
            client = ControlClient(address.decode(), certificate, CALL_SECONDS)
            news = client.call(Follow(seen, step))
            client.close()
            return (address.decode(), news) if isinstance(news, News) else None
        return None

    def kill(self, application: str) -> None:
        """End an application and clear away what it left."""
        with _translated():
            self._client.kill_application(application)
        deadline = time.monotonic() + END_SECONDS
        while self.report(application).live:
            if time.monotonic() > deadline:
                raise ClusterError(f"{application} did not end within {END_SECONDS:.0f} s; its queue's owner may help.")
            time.sleep(LOOK_SECONDS)
        with contextlib.suppress(OSError):
            storage.remove(self.staging(application))

    def _ask(self, application: str, question: Callable[["skein.ApplicationClient"], Any]) -> Any:
        """What Skein's application master answers; None where there is none now."""
        try:
            security = credentials.of_application(self.staging(application))[0]
            return question(self._client.connect(application, wait=False, security=security))
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
    times = [moment.timestamp() if moment else 0.0 for moment in (report.start_time, report.finish_time)]
    state, status = str(report.state), str(report.final_status)
    url, why = str(report.tracking_url or ""), " ".join(str(report.diagnostics or "").split())
    return Application(report.id, report.name, report.user, report.queue, state, status, url, why, *times)


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
