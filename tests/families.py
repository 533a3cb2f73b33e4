"""Processes that may end while a test looks at them."""

import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil


def runs(process: psutil.Process) -> bool:
    """Tell whether a process runs; what its parent has not waited for yet is over too."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it started, the youngest generation last; nothing where it is gone."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def name(process: psutil.Process) -> str:
    """The name of a process's program; empty where it is gone."""
    try:
        return process.name()
    except psutil.Error:
        return ""


def of_roles(processes: Iterable[psutil.Process], *roles: str) -> list[psutil.Process]:
    """Those of some processes that carry out a role of a local job, by role and index: they bear its name."""
    named = [(*name(process).partition(" ")[::2], process) for process in processes]
    chosen = [(role, int(index), process) for role, index, process in named if role in roles]
    return [process for _, _, process in sorted(chosen, key=lambda entry: entry[:2])]


def variables(process: psutil.Process) -> dict[str, str]:
    """The environment of a process; empty where it is gone."""
    try:
        return process.environ()
    except psutil.Error:
        return {}


def line(process: psutil.Process) -> str:
    """The command line of a process; empty where it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def send(processes: Iterable[psutil.Process], number: int = signal.SIGKILL) -> None:
    """Send a signal to each process that is still there."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
