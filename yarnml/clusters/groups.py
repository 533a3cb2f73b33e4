"""The process groups of local workers: what a worker has started ends with it, and all end with their master."""

import os
import signal
import subprocess
from contextlib import suppress

# A child of the master, in a session of its own.  Its standard input ends however the master does.
_GUARD = """
while read -r what group; do
  left=
  for g in $groups; do [ "$g" = "$group" ] || left="$left $g"; done
  groups=$left
  [ "$what" = end ] || groups="$groups $group"
done
for g in $groups; do kill -s KILL -- "-$g" 2>/dev/null; done
"""

END_SECONDS = 5.0
"""Longest wait for a process to end by itself."""


class ProcessGroups:
    """Kills the groups of processes that have ended, and has a shell kill those of all others when the master dies."""

    def __init__(self) -> None:
        self._guard: subprocess.Popen[bytes] | None = None

    def add(self, leader: int) -> None:
        """Watch over the group of a process that has just begun."""
        if self._guard is None:
            with suppress(OSError):  # a machine that has no room for a shell may still train
                self._guard = subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, start_new_session=True)
        self._tell("begin", leader)

    def end(self, leader: int) -> None:
        """Kill what is left of a group, whose leader has just ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        self._tell("end", leader)

    def close(self) -> None:
        if self._guard:
            end_by_input(self._guard)

    def _tell(self, what: str, group: int) -> None:
        if self._guard and self._guard.stdin:
            with suppress(OSError):  # somebody has ended the guard
                os.write(self._guard.stdin.fileno(), f"{what} {group}\n".encode())


def end_by_input(process: "subprocess.Popen[bytes]") -> None:
    """End a process that ends with its standard input; kill it where it does not in time."""
    if process.stdin:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:  # somebody has stopped it
        process.kill()
        process.wait()
