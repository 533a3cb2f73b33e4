"""The logs of a job's processes for a person to read, all at once or as they grow."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from yarnml.clusters.yarn.edge.client import Yarn
from yarnml.clusters.yarn.observe.logs import FILES, LOOK_SECONDS, Log, of_application, of_container
from yarnml.clusters.yarn.observe.processes import Place, attempt_of, of_logs
from yarnml.clusters.yarn.observe.status import Application
from yarnml.errors import ClusterError

EVERYWHERE = "prelaunch.out"  # a small file that YARN keeps for every container
WINDOW = 64 << 10  # bytes of a log's end that are looked at first


@dataclass(frozen=True)
class Wanted:
    """Whose logs; None for all, but for those of Skein, which must be asked for by name."""

    role: str | None = None
    index: int | None = None

    def files(self) -> list[str]:
        return [FILES[self.role]] if self.role else [name for role, name in FILES.items() if role != "skein"]

    def has(self, place: Place, name: str) -> bool:
        """Whether the file ``name`` is wanted of this process, and is one that such a process writes."""
        roles = [role for role, file in FILES.items() if file == name]
        ours = place.role in roles or (place.role == "master" and roles == ["skein"])
        return ours and name in self.files() and self.index in (None, place.index)


def logs(yarn: Yarn, application: Application, wanted: Wanted, *, follow: bool) -> Iterator[str]:
    """Pieces of logs, each under a line that says whose it is."""
    reader = _Reader()
    while application.live:
        for place in yarn.places(application.id):
            for name in wanted.files() if place.container else ():
                if wanted.has(place, name):
                    yield from reader.running(place, name)
        if not follow:
            break
        time.sleep(LOOK_SECONDS)
        application = yarn.report(application.id)
    if not application.live:
        yield from reader.ended(application, wanted)
    if not reader.found:
        raise ClusterError(_none(application, wanted))


def title(place: Place, name: str) -> str:
    """The line above a log."""
    return f"==> {place}, {name} <=="


class _Reader:
    """Knows how much of every log was shown."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], int] = {}
        self._newest = ""
        self.found = False

    def running(self, place: Place, name: str) -> Iterator[str]:
        key = (place.container, name)
        try:
            log = of_container(place.container, place.node, name, WINDOW)
            if self._misses(key, log):
                log = of_container(place.container, place.node, name, log.length - self._shown.get(key, 0))
        except OSError as exc:
            if key not in self._shown:
                self._shown[key], self.found = 0, True
                yield f"{title(place, name)}\n({exc})\n"
            return
        yield from self._new(key, place, log)

    def ended(self, application: Application, wanted: Wanted) -> Iterator[str]:
        found = of_application(application.id, *{*wanted.files(), FILES["skein"]})
        known = {place.container: place for place in of_logs(found)}
        for log in found:
            place = known.get(log.container) or _unknown(log)
            if wanted.has(place, log.name):
                yield from self._new((log.container, log.name), place, log)

    def _misses(self, key: tuple[str, str], log: Log) -> bool:
        return log.length - self._shown.get(key, 0) > len(log.content)

    def _new(self, key: tuple[str, str], place: Place, log: Log) -> Iterator[str]:
        """What was not shown yet; a title wherever another log goes on than before."""
        self.found = True
        before = self._shown.get(key)
        new = log.content[max(0, len(log.content) - (log.length - (before or 0))) :]
        self._shown[key] = log.length
        if not new and before is not None:
            return
        head = "" if self._newest == title(place, log.name) else f"{title(place, log.name)}\n"
        self._newest = title(place, log.name)
        yield head + new.decode(errors="replace")


def _unknown(log: Log) -> Place:
    """For a container of which no log of Skein's tells: its file says the role."""
    role = next(role for role, name in FILES.items() if name == log.name)
    masters = role in ("master", "skein")
    return Place(
        "master" if masters else role, attempt_of(log.container) if masters else -1, "", log.host, log.container
    )


def _none(application: Application, wanted: Wanted) -> str:
    which = f"{wanted.role or 'process'}{'' if wanted.index is None else f' {wanted.index}'}"
    if application.live:
        return f"{application.id} is {application.state} and has no {which} with a log yet."
    return (
        f"YARN has no log of any {which} of {application.id}; it keeps logs of ended applications where "
        "yarn.log-aggregation-enable is true, and not for ever."
    )
