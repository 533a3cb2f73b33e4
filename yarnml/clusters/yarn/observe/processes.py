"""The processes of a job: which container each is, and where it runs or ran."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.capacity.answers import Attempt
from yarnml.clusters.yarn.observe.logs import FILES, Log
from yarnml.control.roles import ProcessId

# Lines of Skein's own log.
_STARTED = re.compile(r"RUNNING: (?P<service>[\w-]+)_(?P<index>\d+) on (?P<container>container_\w+)")
_ENDED = re.compile(r"(?P<state>SUCCEEDED|FAILED|KILLED): (?P<service>[\w-]+)_(?P<index>\d+) - (?P<why>.*)", re.S)
_ENTRY = re.compile(r"^(?=\d\d/\d\d/\d\d \d\d:\d\d:\d\d )", re.M)  # a message may have several lines

_ATTEMPT = re.compile(r"_(\d+)_\d+$")


class ProcessInfo(Struct, frozen=True):
    """One process of a job.

    ``role``: also ``master``.
    ``index``: of a master, the number of its attempt.
    ``state``: in YARN's words.
    ``why``: the reason of a failure, in YARN's words.
    ``node``: the web address of its NodeManager.
    """

    role: str
    index: int
    state: str
    host: str
    container: str
    why: str = ""
    node: str = ""

    def __str__(self) -> str:
        return f"{self.role} {self.index} on {self.host or 'no host yet'} ({self.container or 'no container yet'})"


def attempt_of(container: str) -> int:
    """The number of the attempt that a container belongs to; 0 where its name does not tell."""
    match = _ATTEMPT.search(container)
    return int(match[1]) if match else 0


def from_attempts(attempts: Iterable[Attempt]) -> list[ProcessInfo]:
    """The masters, from the attempts of an application; an attempt without a container has none yet."""
    return [
        ProcessInfo(
            "master",
            attempt.id,
            attempt.state,
            attempt.node_http_address.partition(":")[0],
            attempt.container_id,
            node=attempt.node_http_address,
        )
        for attempt in attempts
        if attempt.container_id
    ]


def from_containers(containers: Iterable[Any]) -> list[ProcessInfo]:
    """Workers and reducers, from Skein's containers."""
    return [_from_container(container) for container in containers]


def from_logs(logs: Iterable[Log]) -> list[ProcessInfo]:
    """All processes of an application that has ended.

    ``logs``: with those of Skein's application masters, oldest first; the others tell the hosts of their containers.
    """
    logs = list(logs)
    hosts = {log.container: log.host for log in logs}
    return [
        process
        for log in logs
        if log.name == FILES["skein"]
        for process in (
            ProcessInfo("master", attempt_of(log.container), "ENDED", log.host, log.container),
            *_from_skeins_log(log, hosts),
        )
    ]


def _from_container(container: Any) -> ProcessInfo:
    process = services.process_of(container.service_name, container.instance)
    state = str(container.state)
    return ProcessInfo(
        process.role,
        process.index,
        state,
        str(container.yarn_node_http_address or "").partition(":")[0],
        container.yarn_container_id or "",
        " ".join((container.exit_message or "").split()) if state == "FAILED" else "",
        container.yarn_node_http_address or "",
    )


def _from_skeins_log(log: Log, hosts: Mapping[str, str]) -> Iterator[ProcessInfo]:
    containers: dict[ProcessId, str] = {}
    ends: dict[ProcessId, tuple[str, str]] = {}
    for entry in _ENTRY.split(log.text):
        if started := _STARTED.search(entry):
            containers[services.process_of(started["service"], int(started["index"]))] = started["container"]
        elif ended := _ENDED.search(entry):
            process = services.process_of(ended["service"], int(ended["index"]))
            ends[process] = (ended["state"], " ".join(ended["why"].split()))
    for process, container in containers.items():
        state, reason = ends.get(process, ("ENDED", ""))
        why = reason if state == "FAILED" else ""
        yield ProcessInfo(process.role, process.index, state, hosts.get(container, ""), container, why)
