"""A process that hangs is ended by its watchdog; one that lives is let alone."""

import signal
import subprocess
import sys

import psutil
import pytest

from tests.processes import wait_for

PROGRAM = """\
import time
from yarnml.clusters.yarn.containers import watchdog
watchdog.guard(2.0, 'The process')
print('up', flush=True)
time.sleep(600)
"""


@pytest.fixture
def watched() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.long
@pytest.mark.timeout(60)
def test_one_that_is_stopped_is_ended(watched: "subprocess.Popen[str]") -> None:
    """SIGSTOP, for good: the watchdog says so, kills, and is gone, too."""
    (dog,) = psutil.Process(watched.pid).children()
    watched.send_signal(signal.SIGSTOP)
    _, errors = watched.communicate(timeout=40)
    assert watched.returncode == -signal.SIGKILL
    assert "The process gave no sign of life for 2 s; it is ended." in errors
    wait_for("the watchdog's end", lambda: not dog.is_running())


@pytest.mark.long
@pytest.mark.timeout(60)
def test_one_that_lives_is_let_alone(watched: "subprocess.Popen[str]") -> None:
    """A pause that is shorter, several times, is no hang; a watchdog does not outlive its master."""
    (dog,) = psutil.Process(watched.pid).children()
    for _ in range(3):
        watched.send_signal(signal.SIGSTOP)
        with pytest.raises(subprocess.TimeoutExpired):
            watched.wait(1.5)
        watched.send_signal(signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            watched.wait(1.5)
    watched.kill()
    watched.communicate(timeout=20)
    wait_for("the watchdog's end", lambda: not dog.is_running())


@pytest.mark.long
@pytest.mark.timeout(60)
def test_both_may_sleep(watched: "subprocess.Popen[str]") -> None:
    """A machine that is paused with all its processes goes on afterwards with all of them."""
    (dog,) = psutil.Process(watched.pid).children()
    for process in (psutil.Process(watched.pid), dog):
        process.suspend()
    with pytest.raises(subprocess.TimeoutExpired):
        watched.wait(4.0)
    for process in (dog, psutil.Process(watched.pid)):
        process.resume()
    with pytest.raises(subprocess.TimeoutExpired):
        watched.wait(4.0)
    watched.kill()
    watched.communicate(timeout=20)
