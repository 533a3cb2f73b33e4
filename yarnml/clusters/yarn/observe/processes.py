"""Which container is which process of a job, and where it runs or ran."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from yarnml.clusters.yarn import services
from yarnml.clusters.yarn.capacity.answers import Attempt
from yarnml.clusters.yarn.observe.logs import FILES, Log
from yarnml.control.roles import ProcessId

_STARTED = re.compile(r"RUNNING: (?P<service>[\w-]+)_(?P<index>\d+) on (?P<container>container_\w+)")
_ENDED = re.compile(r"(?P<state>SUCCEEDED|FAILED|KILLED): (?P<service>[\w-]+)_(?P<index>\d+) - (?P<why>.*)", re.S)
_ENTRY = re.compile(r"^(?=\d\d/\d\d/\d\d \d\d:\d\d:\d\d )", re.M)  # a message may have several lines
_ATTEMPT = re.compile(r"_(\d+)_\d+$")


class Place(Struct, frozen=True):
    """One process.  ``index``: of a master, the number of its attempt; ``node``: the web address of its NodeManager."""

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
    """The attempt of the application that a container belongs to."""
    found = _ATTEMPT.search(container)
    return int(found[1]) if found else 0


def of_attempts(attempts: Iterable[Attempt]) -> list[Place]:
    """The masters, from what the ResourceManager tells of an application's attempts."""
    return [
        Place(
            "master",
            attempt.id,
            attempt.app_attempt_state,
            (attempt.node_http_address or "").partition(":")[0],
            attempt.container_id,
            node=attempt.node_http_address or "",
        )
        for attempt in attempts
        if attempt.container_id
    ]


def of_containers(containers: Iterable[Any]) -> list[Place]:
    """Workers and reducers, from Skein's containers."""
    return [
        Place(
            who.role,
            who.index,
            str(c.state),
            str(c.yarn_node_http_address or "").partition(":")[0],
            c.yarn_container_id or "",
            " ".join((c.exit_message or "").split()) if str(c.state) == "FAILED" else "",
            c.yarn_node_http_address or "",
        )
        for c in containers
        for who in [services.who(c.service_name, c.instance)]
    ]


def of_logs(logs: Iterable[Log]) -> list[Place]:
    """All processes of an application that has ended, from the logs of Skein's application masters, oldest first."""
    logs = list(logs)
    hosts = {log.container: log.host for log in logs}
    return [
        place
        for log in logs
        if log.name == FILES["skein"]
        for place in (Place("master", attempt_of(log.container), "ENDED", log.host, log.container), *_told(log, hosts))
    ]


def _told(log: Log, hosts: Mapping[str, str]) -> Iterator[Place]:
    containers: dict[ProcessId, str] = {}
    ends: dict[ProcessId, tuple[str, str]] = {}
    for entry in _ENTRY.split(log.text):
        if started := _STARTED.search(entry):
            containers[services.who(started["service"], int(started["index"]))] = started["container"]
        elif ended := _ENDED.search(entry):
            ends[services.who(ended["service"], int(ended["index"]))] = ended["state"], " ".join(ended["why"].split())
    for who, container in containers.items():
        state, why = ends.get(who, ("ENDED", ""))
        yield Place(who.role, who.index, state, hosts.get(container, ""), container, why if state == "FAILED" else "")
