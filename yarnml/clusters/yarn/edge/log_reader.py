"""The logs of a job's processes for a person to read, all at once or as they grow."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from yarnml.clusters.yarn.edge.client import Yarn
from yarnml.clusters.yarn.observe.logs import CHECK_SECONDS, FILES, Log, application_logs, container_log
from yarnml.clusters.yarn.observe.processes import ProcessInfo, attempt_of, from_logs
from yarnml.clusters.yarn.observe.status import Application
from yarnml.errors import ClusterError
from yarnml.storage.security import identity

EVERYWHERE = "prelaunch.out"
"""A small file that YARN keeps for every container: asking for it tells the hosts of them all."""

FIRST_BYTES = 64 << 10
"""Size of a log's end that is got first."""


@dataclass(frozen=True)
class LogSelection:
    """The processes whose logs are read; None for all.  Those of Skein must be asked for by name."""

    role: str | None = None
    index: int | None = None

    def files(self) -> list[str]:
        return [FILES[self.role]] if self.role else [name for role, name in FILES.items() if role != "skein"]

    def has(self, process: ProcessInfo, name: str) -> bool:
        """True where the file ``name`` of a process is selected, and is one that such a process writes."""
        roles = [role for role, file in FILES.items() if file == name]
        written = process.role in roles or (process.role == "master" and roles == ["skein"])
        return written and name in self.files() and self.index in (None, process.index)


def read(yarn: Yarn, application: Application, selection: LogSelection, *, follow: bool) -> Iterator[str]:
    """Pieces of logs, each under a line that says whose it is; with ``follow``, until the application ends."""
    reader = _LogReader()
    while application.live:
        for process in yarn.processes(application.id):
            for name in selection.files() if process.container else ():
                if selection.has(process, name):
                    yield from reader.read_running(process, name)
        if not follow:
            break
        time.sleep(CHECK_SECONDS)
        application = yarn.report(application.id)
    if not application.live:
        yield from reader.read_ended(application, selection)
    if not reader.any_log:
        raise ClusterError(_no_log(application, selection))


def title(process: ProcessInfo, name: str) -> str:
    """The line above a log."""
    return f"==> {process}, {name} <=="


class _LogReader:
    """Reads logs and knows how much of each was shown.

    ``any_log``: whether there was any log, be it empty.
    """

    def __init__(self) -> None:
        self._shown_bytes: dict[tuple[str, str], int] = {}  # by container and file
        self._newest_title = ""
        self.any_log = False

    def read_running(self, process: ProcessInfo, name: str) -> Iterator[str]:
        """Read on in a log of a running process: what has been added since the last call."""
        key = (process.container, name)
        try:
            log = container_log(process.container, process.node, name, FIRST_BYTES)
            missing = log.length - self._shown_bytes.get(key, 0)
            if missing > len(log.content):
                log = container_log(process.container, process.node, name, missing)
        except OSError as exc:
            if key not in self._shown_bytes:  # told once
                self._shown_bytes[key] = 0
                self.any_log = True
                yield f"{title(process, name)}\n({exc})\n"
            return
        yield from self._new(key, process, log)

    def read_ended(self, application: Application, selection: LogSelection) -> Iterator[str]:
        """Read on in the logs of an application that has ended: what was not shown yet."""
        logs = application_logs(application.id, *{*selection.files(), FILES["skein"]})
        known = {process.container: process for process in from_logs(logs)}
        for log in logs:
            process = known.get(log.container) or _unknown(log)
            if selection.has(process, log.name):
                yield from self._new((log.container, log.name), process, log)

    def _new(self, key: tuple[str, str], process: ProcessInfo, log: Log) -> Iterator[str]:
        """The part of a log that was not shown yet; a title wherever another log goes on than before."""
        self.any_log = True
        before = self._shown_bytes.get(key)
        new = log.content[max(0, len(log.content) - (log.length - (before or 0))) :]
        self._shown_bytes[key] = log.length
        if not new and before is not None:
            return
        head = "" if self._newest_title == title(process, log.name) else f"{title(process, log.name)}\n"
        self._newest_title = title(process, log.name)
        yield head + new.decode(errors="replace")


def _unknown(log: Log) -> ProcessInfo:
    """The process of a container that no log of Skein's names: its file says the role."""
    role = next(role for role, name in FILES.items() if name == log.name)
    if role in ("master", "skein"):
        return ProcessInfo("master", attempt_of(log.container), "", log.host, log.container)
    return ProcessInfo(role, -1, "", log.host, log.container)


def _no_log(application: Application, selection: LogSelection) -> str:
    process = f"{selection.role or 'process'}{'' if selection.index is None else f' {selection.index}'}"
    if application.user != identity.user():
        return f"{application.id} is {application.user}'s, and YARN gives you no log of any {process} of it; ask them."
    if application.live:
        return f"{application.id} is {application.state} and has no {process} with a log yet."
    return (
        f"YARN has no log of any {process} of {application.id}; it keeps logs of ended applications where "
        "yarn.log-aggregation-enable is true, and not for ever."
    )
