"""Logs of containers, running or gone, through Hadoop's own log command (Skein's fails on Hadoop 3.4)."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from yarnml.errors import ClusterError

LOG_SECONDS = 60.0  # how long the command may take
AGGREGATION_SECONDS = 20.0  # how long YARN may take to collect the logs of an application that has just ended
FOLLOW_SECONDS = 2.0
TAIL = 12
FILES = {
    "master": "application.driver.log",
    "skein": "application.master.log",
    "worker": "worker.log",
    "reducer": "reducer.log",
}

_HEADER = re.compile(r"^Container: (\S+) on (\S+?)(?:_\d+)?$", re.M)
_OURS = re.compile(r"^(?:error|yarnml|\w*Error): .+", re.M)


@dataclass(frozen=True)
class Cause:
    """The line that most likely tells why a job failed, and the end of the log that holds it."""

    sentence: str
    log: str


def read_logs(application: str, *files: str) -> str:
    """These log files of all containers of an application, as Hadoop prints them.  ClusterError where it can't."""
    command = [*_yarn(), "logs", "-applicationId", application]
    if files:
        command += ["-log_files", ",".join(files)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LOG_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ClusterError(f"Hadoop's log command failed: {exc}") from exc
    return done.stdout


def probable_cause(application: str) -> Cause:
    """What the master's own log says last; waits a while for YARN to collect it."""
    deadline = time.monotonic() + AGGREGATION_SECONDS
    while time.monotonic() < deadline:
        try:
            text = read_logs(application, FILES["master"])
        except ClusterError:
            break
        if text.strip():
            return find_cause(text)
        time.sleep(FOLLOW_SECONDS)
    return Cause("", "")


def find_cause(text: str) -> Cause:
    """The last line that looks like a sentence about an error."""
    found = _OURS.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return Cause(found[-1] if found else "", "\n".join(lines[-TAIL:]))


def _yarn() -> list[str]:
    home = os.environ.get("HADOOP_HOME", "")
    found = shutil.which("yarn") or shutil.which("yarn", path=os.path.join(home, "bin"))
    if not found:
        raise ClusterError("The command yarn is not found; put Hadoop's bin folder on PATH, or set HADOOP_HOME.")
    return [found]
