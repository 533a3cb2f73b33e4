"""A child that ends its parent when that hangs: a process that is stopped, or stuck, can't end itself.

The parent writes a byte now and then; a pipe that is silent for too long, while it is open, means that it hangs.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time

from yarnml.events.log import log

SIGN_SECONDS = 1.0
"""Time between two signs of life."""

WAKE_SECONDS = 3.0
"""Time for the parent to give a sign after both processes were asleep, as on a machine that was paused."""


def guard(seconds: float, name: str) -> None:
    """Have this process killed once it has given no sign of life for so long; ``name``: of the process, in words."""
    command = [sys.executable, "-P", "-m", "yarnml.clusters.yarn.containers.watchdog", str(seconds), name]
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    threading.Thread(target=_give_signs, args=(child,), daemon=True, name="watchdog").start()


def _give_signs(child: "subprocess.Popen[bytes]") -> None:
    assert child.stdin
    while child.poll() is None:
        os.write(child.stdin.fileno(), b".")
        time.sleep(SIGN_SECONDS)


def main(seconds: float, name: str) -> None:
    """Watch the process at the other end of standard input, until it is gone or hangs."""
    parent = os.getppid()
    while _has_sign(seconds) or _has_sign(WAKE_SECONDS):
        if not os.read(sys.stdin.fileno(), 4096):
            return
    log(f"{name} gave no sign of life for {seconds:.0f} s; it is ended.")
    if os.getppid() == parent:  # else it has ended meanwhile, and another process may have its id
        os.kill(parent, signal.SIGKILL)


def _has_sign(seconds: float) -> bool:
    """Wait for a sign of life, or for the end of the pipe; False where neither comes in time."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
