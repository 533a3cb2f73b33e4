"""Holds every process of a cluster, containers included, and ends them with the process that asked for the cluster.

Reads commands as lines of JSON from standard input, ``{"argv": …, "environment": …, "log": …}``, and answers each
with the process id.  It is the subreaper of all it starts, so that even a container whose NodeManager was killed stays
in its family.  When standard input ends, however the asker ended, it kills the family and removes the cluster's folder.
"""

import ctypes
import json
import os
import shutil
import signal
import sys

import psutil

PR_SET_CHILD_SUBREAPER = 36


def start(argv: list[str], environment: dict[str, str], log: str) -> int:
    """Start a process in a session of its own, its output appended to ``log``."""
    return os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=[signal.SIGCHLD],
    )


def end_family() -> None:
    """Kill until nothing is left: what is being killed may still start something."""
    while family := psutil.Process().children(recursive=True):
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=1)


def main(folder: str) -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    try:
        for line in sys.stdin:
            print(start(**json.loads(line)), flush=True)
    finally:
        end_family()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
