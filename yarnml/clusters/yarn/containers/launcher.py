"""The job's containers, as the master inside Skein's application master sees them."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import skein

from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.capacity import resource_manager
from yarnml.clusters.yarn.capacity.resources import Request, in_words, requests
from yarnml.clusters.yarn.observe.diagnosis import for_memory, sentence_in, tail
from yarnml.clusters.yarn.observe.logs import FILES, of_container
from yarnml.control.roles import ProcessId, Role
from yarnml.job.spec import Job
from yarnml.master.membership.failure_policy import Exit, ExitKind, Sizes, misses_its_environment

LOOK_SECONDS = 0.5  # between two looks at the containers
LOG_BYTES = 8192  # of a dead container's log that are looked at
GIVE_BACK = 3  # containers on a host that is avoided that are given back; YARN may have no other for us

_PREEMPTED = re.compile(r"preempted", re.I)
_NODE_LOST = re.compile(r"lost\* node|lost node|decommission|released by application|disks failed", re.I)
_SIGNAL = re.compile(r"^ended by (signal \d+ \(\w+\))$", re.M)  # what the script in appspec says last


class AttemptOver(Exception):
    """Skein's application master is gone and this attempt with it; that is no failure of the job."""


class Containers:
    """Asks Skein for containers, watches and ends them; a `yarnml.master.membership.processes.Processes`."""

    def __init__(self, job: Job, application: skein.ApplicationClient) -> None:
        self._job, self._application = job, application
        self._known: list[skein.model.Container] = []
        self._looked = 0.0
        self._exits: dict[ProcessId, Exit] = {}
        self._started: set[ProcessId] = set()  # those that have a container, or had one
        self._avoided: dict[str, int] = {}  # hosts: how many containers may still be given back
        with _translated():
            declared = application.get_specification().services
        self._memory = {name: int(service.resources.memory) for name, service in declared.items()}  # in MiB

    def start(self, role: Role, size: int = 0) -> None:
        with _translated():
            self._application.add_container(services.service(role, size))

    def sizes(self) -> Sizes:
        by_role: dict[Role, list[str]] = {"worker": [], "reducer": []}
        for name, memory in sorted(self._memory.items()):
            by_role[services.who(name, 0).role].append(in_words("memory", memory))
        return by_role

    def avoid(self, host: str) -> None:
        self._avoided.setdefault(host, GIVE_BACK)

    def kill(self, process: ProcessId) -> None:
        if process not in self._exits or self._exits[process].kind is ExitKind.GIVEN_BACK:
            with contextlib.suppress(ValueError, skein.exceptions.SkeinError):  # it ended by itself meanwhile
                self._application.kill_container(services.container(process))

    def exits(self) -> dict[ProcessId, Exit]:
        for container in self._look():
            process = _who(container)
            if process in self._exits:
                continue
            host = _host(container)
            size = services.size_of(container.service_name)
            placed = f"{process} on {host}" if host else str(process)
            if str(container.state) in ("SUCCEEDED", "FAILED", "KILLED"):
                log = log_tail(container)
                kind, cause = reason(container.exit_message, process.role, log)
                self._exits[process] = Exit(process.role, kind, f"{placed} {cause}", log, host, size)
            elif host and process not in self._started and self._avoided.get(host):
                self._avoided[host] -= 1
                why = f"{placed} was given back, since that node is avoided"
                self._exits[process] = Exit(process.role, ExitKind.GIVEN_BACK, why, "", host, size)
            if host:
                self._started.add(process)
        return dict(self._exits)

    def running(self) -> set[ProcessId]:
        return self._started

    def describe(self, who: ProcessId) -> str:
        for container in self._look():
            if _who(container) == who and container.yarn_container_id:
                return f"{container.yarn_container_id} on {_host(container)}"
        return "no container yet"

    def available(self, role: Role, limit: int) -> int:
        request = next(r for r in requests(self._job) if r.role == role)
        return resource_manager.available(self._job.queue, request, limit)

    def shortage(self) -> str:
        waiting = [c.service_name for c in self._look() if str(c.state) in ("REQUESTED", "WAITING")]
        asked = [(self._request(name), waiting.count(name)) for name in sorted(set(waiting))]
        wishes = []
        for r, count in asked:
            where = f" on nodes labelled {r.label}" if r.label else ""
            wishes.append(f"{count} {r.role} container{'s' if count > 1 else ''} of {r.size}{where}")
        if not wishes:
            return ""
        reasons = [reason for r, _ in asked if (reason := resource_manager.why_pending(self._job.queue, r))]
        lack = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
        return f"YARN has no room yet in queue {self._job.queue} for {', '.join(wishes)}{lack}"

    def _request(self, service: str) -> Request:
        """What the containers of a service ask of YARN."""
        role = services.who(service, 0).role
        request = next(r for r in requests(self._job) if r.role == role)
        return replace(request, size=replace(request.size, memory=self._memory[service]))

    def _look(self) -> list["skein.model.Container"]:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            states = ["WAITING", "REQUESTED", "RUNNING", "SUCCEEDED", "FAILED", "KILLED"]
            with _translated():
                self._known = self._application.get_containers(states=states)
            self._looked = time.monotonic()
        return self._known


def reason(exit_message: str, role: Role, log: str) -> tuple[ExitKind, str]:
    """How a container ended, and the same in words; ``log``: the end of its own."""
    text = " ".join(exit_message.split())
    for kind, pattern in ((ExitKind.PREEMPTED, _PREEMPTED), (ExitKind.NODE_LOST, _NODE_LOST)):
        if pattern.search(text):
            return kind, f"was taken away by the cluster: {text}"
    if why := for_memory(text, f"{role}s.memory"):
        return ExitKind.MEMORY, why
    if text and not text.startswith("Container failed during execution"):
        return ExitKind.EXIT, f"ended: {text.rstrip('.')}"
    if signal := _SIGNAL.search(log):
        return ExitKind.SIGNAL, f"was ended by {signal[1]}"
    sentence = sentence_in(log)
    kind = ExitKind.ENVIRONMENT if misses_its_environment(log) else ExitKind.EXIT
    return kind, f"failed: {sentence.rstrip('.')}" if sentence else "failed"


def log_tail(container: "skein.model.Container") -> str:
    """The end of a container's own log, from its node; empty where the node does not answer."""
    name = FILES[_who(container).role]
    try:
        return tail(of_container(container.yarn_container_id, container.yarn_node_http_address, name, LOG_BYTES).text)
    except OSError:
        return ""


def _who(container: "skein.model.Container") -> ProcessId:
    return services.who(container.service_name, container.instance)


def _host(container: "skein.model.Container") -> str:
    return str(container.yarn_node_http_address or "").partition(":")[0]


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except skein.exceptions.SkeinError as exc:
        raise AttemptOver(f"Skein's application master does not answer: {exc}") from exc
