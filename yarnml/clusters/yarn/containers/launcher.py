"""The launcher of a job's processes inside Skein's application master: it asks for containers and watches them."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace

from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.capacity import resource_manager, rest
from yarnml.clusters.yarn.capacity.resources import Request, in_words, requests
from yarnml.clusters.yarn.containers import last_word
from yarnml.clusters.yarn.containers.last_word import LOG_TAIL_BYTES
from yarnml.clusters.yarn.observe.diagnosis import error_sentence, last_lines, memory_failure
from yarnml.clusters.yarn.observe.logs import FILES, container_log
from yarnml.clusters.yarn.skein_import import skein
from yarnml.control.roles import ProcessId, Role
from yarnml.events.events import Listener
from yarnml.events.measurements import ProcessPlaced
from yarnml.events.text import count_of
from yarnml.job.base import BaseJob
from yarnml.master.membership.failure_policy import Exit, ExitKind, Sizes, kind_of_failure

LOOK_INTERVAL_SECONDS = 0.5
"""Time between two looks at the containers."""

MAX_GIVEN_BACK = 3
"""Containers on a host that is avoided that are given back; after so many YARN may have no other host for us."""

_PREEMPTED = re.compile(r"preempted", re.I)
_NODE_LOST = re.compile(r"lost\* node|lost node|decommission|released by application|disks failed", re.I)
_SIGNAL = re.compile(r"^ended by (signal \d+ \(\w+\))$", re.M)  # the last words of the script in appspec


class AttemptOver(Exception):
    """Skein's application master is gone and this attempt with it; that is no failure of the job."""


class SkeinLauncher:
    """Asks Skein for containers, watches and kills them; a `yarnml.master.membership.processes.Processes`.

    Skein has no way to make YARN avoid a host.  So a container that starts on one that is avoided counts as ended at
    once, and the master kills and replaces it as any other; a few times, see `MAX_GIVEN_BACK`.
    """

    def __init__(self, job: BaseJob, application: skein.ApplicationClient, say: Listener) -> None:
        self._job = job
        self._application = application
        self._say = say
        self._containers: list[skein.model.Container] = []
        self._last_look = 0.0
        self._exits: dict[ProcessId, Exit] = {}
        self._started: set[ProcessId] = set()  # those that have a container, or had one
        self._avoided: dict[str, int] = {}  # host → containers on it that may still be given back
        with _translated():
            declared = application.get_specification().services
        self._memory = {name: int(service.resources.memory) for name, service in declared.items()}  # in MiB

    def start(self, role: Role, size: int = 0) -> None:
        with _translated():
            self._application.add_container(services.service_name(role, size))

    def sizes(self) -> Sizes:
        by_role: dict[Role, list[str]] = {"worker": [], "reducer": []}
        for name, memory in sorted(self._memory.items()):
            by_role[services.process_of(name, 0).role].append(in_words("memory", memory))
        return by_role

    def avoid(self, host: str) -> None:
        self._avoided.setdefault(host, MAX_GIVEN_BACK)

    def kill(self, process: ProcessId) -> None:
        if process not in self._exits or self._exits[process].kind is ExitKind.GIVEN_BACK:
            with contextlib.suppress(ValueError, skein.exceptions.SkeinError):  # it ended by itself meanwhile
                self._application.kill_container(services.container_name(process))

    def exits(self) -> dict[ProcessId, Exit]:
        for container in self._look():
            process = _process_id(container)
            if process in self._exits:
                continue
            host = _host(container)
            if str(container.state) in ("SUCCEEDED", "FAILED", "KILLED"):
                self._exits[process] = _exit(container, self._log_tail(container))
            elif host and process not in self._started and self._avoided.get(host):
                self._avoided[host] -= 1
                self._exits[process] = _given_back(container)
            if host and process not in self._started:
                self._started.add(process)
                page = rest.log_page(container.yarn_node_http_address, container.yarn_container_id)
                self._say(ProcessPlaced(str(process), page))
        return dict(self._exits)

    def running(self) -> set[ProcessId]:
        return self._started

    def describe(self, process: ProcessId) -> str:
        for container in self._look():
            if _process_id(container) == process and container.yarn_container_id:
                return f"{container.yarn_container_id} on {_host(container)}"
        return "no container yet"

    def available(self, role: Role, limit: int) -> int:
        request = next(r for r in requests(self._job) if r.role == role)
        return resource_manager.available(self._job.queue, request, limit)

    def shortage(self) -> str:
        waiting = [c.service_name for c in self._look() if str(c.state) in ("REQUESTED", "WAITING")]
        counts = [(self._request(name), waiting.count(name)) for name in sorted(set(waiting))]
        wishes = []
        for request, count in counts:
            where = f" on nodes labelled {request.label}" if request.label else ""
            wishes.append(f"{count_of(count, f'{request.role} container')} of {request.size}{where}")
        if not wishes:
            return ""
        queue = self._job.queue
        reasons = [reason for request, _ in counts if (reason := resource_manager.why_pending(queue, request))]
        lack = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
        return f"YARN has no room yet in queue {queue} for {', '.join(wishes)}{lack}"

    def _log_tail(self, container: "skein.model.Container") -> str:
        """The end of a container's own log, from its node, or as it left it with Skein; empty without either."""
        process = _process_id(container)
        address = container.yarn_node_http_address
        try:
            log = container_log(container.yarn_container_id, address, FILES[process.role], LOG_TAIL_BYTES).text
        except OSError:
            with _translated():
                log = last_word.of_container(self._application, services.container_name(process))
        return last_lines(log)

    def _request(self, service: str) -> Request:
        """The resources that YARN is asked for, for each container of a service."""
        role = services.process_of(service, 0).role
        request = next(r for r in requests(self._job) if r.role == role)
        return replace(request, size=replace(request.size, memory=self._memory[service]))

    def _look(self) -> list["skein.model.Container"]:
        """The job's containers, not older than `LOOK_INTERVAL_SECONDS`; the master asks far more often."""
        if time.monotonic() - self._last_look > LOOK_INTERVAL_SECONDS:
            states = ["WAITING", "REQUESTED", "RUNNING", "SUCCEEDED", "FAILED", "KILLED"]
            with _translated():
                self._containers = self._application.get_containers(states=states)
            self._last_look = time.monotonic()
        return self._containers


def explain_exit(exit_message: str, role: Role, log: str) -> tuple[ExitKind, str]:
    """Find the kind of a container's end, and words for it that follow its name.

    Args:
        exit_message: what YARN says.
        log: the end of the container's own log.
    """
    text = " ".join(exit_message.split())
    for kind, pattern in ((ExitKind.PREEMPTED, _PREEMPTED), (ExitKind.NODE_LOST, _NODE_LOST)):
        if pattern.search(text):
            return kind, f"was taken away by the cluster: {text}"
    if why := memory_failure(text, f"{role}s.memory"):
        return ExitKind.MEMORY, why
    if text and not text.startswith("Container failed during execution"):
        return ExitKind.EXIT, f"ended: {text.rstrip('.')}"
    if signal := _SIGNAL.search(log):
        return ExitKind.SIGNAL, f"was ended by {signal[1]}"
    sentence = error_sentence(log)
    return kind_of_failure(log), f"failed: {sentence.rstrip('.')}" if sentence else "failed"


def _exit(container: "skein.model.Container", log: str) -> Exit:
    """Describe the end of a container that has ended; ``log``: the end of its log."""
    process = _process_id(container)
    kind, cause = explain_exit(container.exit_message, process.role, log)
    size = services.size_of(container.service_name)
    return Exit(process.role, kind, f"{_placed(container)} {cause}", log, _host(container), size)


def _given_back(container: "skein.model.Container") -> Exit:
    """Describe the end of a container on a host that is avoided."""
    process = _process_id(container)
    why = f"{_placed(container)} was given back, since that node is avoided"
    size = services.size_of(container.service_name)
    return Exit(process.role, ExitKind.GIVEN_BACK, why, "", _host(container), size)


def _process_id(container: "skein.model.Container") -> ProcessId:
    return services.process_of(container.service_name, container.instance)


def _placed(container: "skein.model.Container") -> str:
    """The process with its host, where that is known."""
    host = _host(container)
    return f"{_process_id(container)} on {host}" if host else str(_process_id(container))


def _host(container: "skein.model.Container") -> str:
    return str(container.yarn_node_http_address or "").partition(":")[0]


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise Skein's errors as AttemptOver."""
    try:
        yield
    except skein.exceptions.SkeinError as exc:
        raise AttemptOver(f"Skein's application master does not answer: {exc}") from exc
