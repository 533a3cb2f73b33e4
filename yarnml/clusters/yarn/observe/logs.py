"""Logs of containers: of a live application from the nodes, of a finished one through Hadoop's own command.

Both wrap a log in the same lines.  (Skein's own call for logs fails on Hadoop 3.4.)
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from yarnml.clusters.yarn.capacity import rest
from yarnml.clusters.yarn.capacity.answers import ApplicationAnswer
from yarnml.errors import ClusterError

COMMAND_SECONDS = 60.0  # how long Hadoop's command may take
COLLECT_SECONDS = 30.0  # how long YARN may take to collect the logs of an application that has just ended
LOOK_SECONDS = 2.0
FILES = {
    "master": "application.driver.log",
    "skein": "application.master.log",
    "worker": "worker.log",
    "reducer": "reducer.log",
}
EVENTS = "events.jsonl"  # the master's: one event a line

_BEGIN = re.compile(
    rb"^Container: (?P<container>\S+) on (?P<host>\S+?)[_:]\d+\n.*\n=+\nLogType:(?P<name>.*)\nLogLastModifiedTime:.*\n"
    rb"LogLength:(?P<length>\d+)\nLogContents:\n",
    re.M,
)


class Log(NamedTuple):
    """One log file of a container, or its end; ``length``: of the whole file, in bytes."""

    container: str
    host: str
    name: str
    content: bytes
    length: int

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


def parse(output: bytes, most: int | None = None) -> Iterator[Log]:
    """The logs in what Hadoop prints; ``most``: how many bytes of each file's end were asked for."""
    place = 0
    while begin := _BEGIN.search(output, place):
        length = int(begin["length"])
        place = begin.end() + (length if most is None else min(most, length))
        container, host, name = (begin[part].decode() for part in ("container", "host", "name"))
        yield Log(container, host, name, output[begin.end() : place], length)


def of_container(container: str, node: str, name: str, most: int | None = None) -> Log:
    """A log of a container whose node still keeps it, as long as its application lives; OSError where it can't be had.

    ``node``: the address of its NodeManager's web service.  ``most``: bytes of the end that are wanted.
    """
    limit = {} if most is None else {"size": str(-most)}
    try:
        output = rest.node_manager(node, f"containers/{container}/logs/{name}", **limit)
    except OSError as exc:
        raise OSError(f"{name} of {container} can't be had from its node {node}: {exc}") from exc
    return next(parse(output, most), Log(container, node.partition(":")[0], name, b"", 0))


def of_application(application: str, *names: str) -> list[Log]:
    """These logs of every container of an application that has ended; waits a while for YARN to collect them.

    In the order in which the containers started.  Empty where YARN has none; ClusterError where the command fails.
    """
    deadline = time.monotonic() + COLLECT_SECONDS
    while not _collected(application) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    command = [_yarn(), "logs", "-applicationId", application, "-log_files", ",".join(names)]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ClusterError(f"Hadoop's command `{' '.join(command)}` failed: {exc}") from exc
    return sorted(parse(done.stdout))


def _collected(application: str) -> bool:
    """Whether YARN has done what it will with the logs; True also where it does not tell."""
    try:
        answer = rest.resource_manager(f"apps/{application}", ApplicationAnswer)
    except OSError:
        return True
    return answer.app.log_aggregation_status not in ("NOT_START", "RUNNING", "RUNNING_WITH_FAILURE")


def _yarn() -> str:
    places = [None, os.path.join(os.environ.get("HADOOP_HOME", ""), "bin")]
    found = next((path for place in places if (path := shutil.which("yarn", path=place))), None)
    if not found:
        raise ClusterError("The command yarn is not found; put Hadoop's bin folder on PATH, or set HADOOP_HOME.")
    return found
