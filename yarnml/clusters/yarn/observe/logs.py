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

COMMAND_SECONDS = 60.0
"""Time limit for Hadoop's command."""

COLLECT_SECONDS = 30.0
"""Longest wait for YARN to collect the logs of an application that has just ended."""

CHECK_SECONDS = 2.0
"""Time between two looks at logs that grow or are collected."""

FILES = {
    "master": "application.driver.log",
    "skein": "application.master.log",
    "worker": "worker.log",
    "reducer": "reducer.log",
}
"""The log file of every role; ``skein`` is Skein's application master."""

EVENTS = "events.jsonl"
"""A file of the master, with one event a line."""

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


def parse_logs(output: bytes, limit: int | None = None) -> Iterator[Log]:
    """The logs in the output of Hadoop; ``limit``: the number of bytes at each file's end that were asked for.

    They are cut by their lengths, since a log may hold the lines that wrap logs.
    """
    position = 0
    while begin := _BEGIN.search(output, position):
        length = int(begin["length"])
        position = begin.end() + (length if limit is None else min(limit, length))
        container, host, name = (begin[part].decode() for part in ("container", "host", "name"))
        yield Log(container, host, name, output[begin.end() : position], length)


def container_log(container: str, node: str, name: str, limit: int | None = None) -> Log:
    """A log of a container, from its node, which keeps it as long as the application lives.

    ``node``: the address of its NodeManager's web service.
    ``limit``: the number of bytes at the file's end to get; None for all.

    Raises OSError where the node does not give it.
    """
    query = {} if limit is None else {"size": str(-limit)}
    try:
        output = rest.node_manager(node, f"containers/{container}/logs/{name}", **query)
    except OSError as exc:
        raise OSError(f"{name} of {container} can't be had from its node {node}: {exc}") from exc
    return next(parse_logs(output, limit), Log(container, node.partition(":")[0], name, b"", 0))


def application_logs(application: str, *names: str) -> list[Log]:
    """The logs with these names of every container of an application that has ended.

    They come in the order in which the containers started, after a while in which YARN may collect them; none where
    YARN has none.  ClusterError where Hadoop's command fails.
    """
    deadline = time.monotonic() + COLLECT_SECONDS
    while not _collected(application) and time.monotonic() < deadline:
        time.sleep(CHECK_SECONDS)
    command = [_yarn_command(), "logs", "-applicationId", application, "-log_files", ",".join(names)]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=COMMAND_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ClusterError(f"Hadoop's command `{' '.join(command)}` failed: {exc}") from exc
    return sorted(parse_logs(done.stdout))


def _collected(application: str) -> bool:
    """True where YARN has done what it will with the logs, and where it does not tell."""
    try:
        answer = rest.resource_manager(f"apps/{application}", ApplicationAnswer)
    except OSError:
        return True
    return answer.app.log_aggregation_status not in ("NOT_START", "RUNNING", "RUNNING_WITH_FAILURE")


def _yarn_command() -> str:
    folders = [None, os.path.join(os.environ.get("HADOOP_HOME", ""), "bin")]  # None: those on PATH
    command = next((path for folder in folders if (path := shutil.which("yarn", path=folder))), None)
    if not command:
        raise ClusterError("The command yarn is not found; put Hadoop's bin folder on PATH, or set HADOOP_HOME.")
    return command
