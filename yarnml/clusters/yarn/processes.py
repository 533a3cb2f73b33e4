"""The job's containers, as the master inside Skein's application master sees them."""

import contextlib
import re
import time

import skein

from yarnml.clusters.base import Ended, Role, Who
from yarnml.clusters.yarn import manager
from yarnml.clusters.yarn.cause import for_memory, sentence_in, tail
from yarnml.clusters.yarn.logs import of_container
from yarnml.clusters.yarn.resources import requests
from yarnml.job import Job

LOOK_SECONDS = 0.5  # between two looks at the containers
LOG_BYTES = 8192  # of a dead container's log that are looked at

_BY_CLUSTER = re.compile(r"preempted|lost\* node|lost node|decommission|released by application|disks failed", re.I)


class AttemptOver(Exception):
    """Skein's application master is gone and this attempt with it; that is no failure of the job."""


class Containers:
    """Asks Skein for containers, watches and ends them; a `yarnml.clusters.base.Processes`."""

    def __init__(self, job: Job, application: skein.ApplicationClient) -> None:
        self._job, self._application = job, application
        self._known: list[skein.model.Container] = []
        self._looked = 0.0
        self._ended: dict[Who, Ended] = {}

    def start(self, role: Role) -> None:
        with _translated():
            self._application.add_container(role)

    def end(self, who: Who) -> None:
        if who not in self._ended:
            with contextlib.suppress(ValueError, skein.exceptions.SkeinError):  # it ended by itself meanwhile
                self._application.kill_container(f"{who.role}_{who.index}")

    def ended(self) -> list[Ended]:
        for container in self._look():
            who = Who("reducer" if container.service_name == "reducer" else "worker", container.instance)
            if str(container.state) in ("SUCCEEDED", "FAILED", "KILLED") and who not in self._ended:
                log = log_tail(container)
                why, counts = reason(container.exit_message, who.role, log)
                host = container.yarn_node_http_address.partition(":")[0]
                self._ended[who] = Ended(who, f"on {host} {why}" if host else why, log, counts)
        return list(self._ended.values())

    def describe(self, who: Who) -> str:
        for container in self._look():
            if (container.service_name, container.instance) == (who.role, who.index) and container.yarn_container_id:
                return f"{container.yarn_container_id} on {container.yarn_node_http_address.partition(':')[0]}"
        return "no container yet"

    def room(self, role: Role, most: int) -> int:
        request = next(r for r in requests(self._job) if r.role == role)
        return manager.room(self._job.queue, request, most)

    def wanting(self) -> str:
        services = [c.service_name for c in self._look() if str(c.state) in ("REQUESTED", "WAITING")]
        asked = [r for r in requests(self._job) if r.role in services]
        wishes = []
        for r in asked:
            count, where = services.count(r.role), f" on nodes labelled {r.label}" if r.label else ""
            wishes.append(f"{count} {r.role} container{'s' if count > 1 else ''} of {r.size}{where}")
        if not wishes:
            return ""
        reasons = [reason for r in asked if (reason := manager.missing(self._job.queue, r))]
        lack = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
        return f"YARN has no room yet in queue {self._job.queue} for {', '.join(wishes)}{lack}"

    def _look(self) -> list["skein.model.Container"]:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            states = ["WAITING", "REQUESTED", "RUNNING", "SUCCEEDED", "FAILED", "KILLED"]
            with _translated():
                self._known = self._application.get_containers(states=states)
            self._looked = time.monotonic()
        return self._known


def reason(exit_message: str, role: Role, log: str) -> tuple[str, bool]:
    """Why a container ended, in words, and whether that counts as a failure of the job; ``log``: the end of its own."""
    text = " ".join(exit_message.split())
    if _BY_CLUSTER.search(text):
        return f"was taken away by the cluster: {text}", False
    if why := for_memory(text, f"{role}s.memory"):
        return why, True
    if text.startswith("Container failed during execution") or not text:
        sentence = sentence_in(log)
        return f"failed: {sentence.rstrip('.')}" if sentence else "failed", True
    return f"ended: {text.rstrip('.')}", True


def log_tail(container: "skein.model.Container") -> str:
    """The end of a container's own log, from its node; empty where the node does not answer."""
    name = f"{container.service_name}.log"
    try:
        return tail(of_container(container.yarn_container_id, container.yarn_node_http_address, name, LOG_BYTES).text)
    except OSError:
        return ""


@contextlib.contextmanager
def _translated():  # type: ignore[no-untyped-def]
    try:
        yield
    except skein.exceptions.SkeinError as exc:
        raise AttemptOver(f"Skein's application master does not answer: {exc}") from exc
