"""The faults: what each name does to a running job."""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests import families
from tests.faults.runs import Run

STOPPED_SECONDS = 0.09
"""Together with `RUNNING_SECONDS`: a slow process gets a tenth of its time."""

RUNNING_SECONDS = 0.01


@dataclass(frozen=True)
class Aim:
    """The process to hit, as a place from 0 to 1 among those that live at that moment, and for how long."""

    place: float
    seconds: float


class Missed(Exception):
    """There was no process to hit."""


Act = Callable[[Run, Aim], None]


def _one(run: Run, aim: Aim, *roles: str) -> psutil.Process:
    living = run.processes(*roles)
    if not living:
        raise Missed
    return living[int(aim.place * len(living))]


def _signal(number: int, *roles: str) -> Act:
    def act(run: Run, aim: Aim) -> None:
        _one(run, aim, *roles).send_signal(number)

    return act


def _signal_all(number: int) -> Act:
    def act(run: Run, aim: Aim) -> None:
        workers = run.processes("worker")
        if not workers:
            raise Missed
        families.send(workers, number)

    return act


def _signal_two(first: int, second: int) -> Act:
    def act(run: Run, aim: Aim) -> None:
        living = run.processes("worker", "reducer")
        if len(living) < 2:
            raise Missed
        at = int(aim.place * len(living))
        living[at].send_signal(first)
        with suppress(psutil.NoSuchProcess):
            living[at - 1].send_signal(second)

    return act


def _pause(process: psutil.Process, seconds: float) -> None:
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    with suppress(psutil.NoSuchProcess):  # it was removed meanwhile
        process.send_signal(signal.SIGCONT)


def pause_worker(run: Run, aim: Aim) -> None:
    _pause(_one(run, aim, "worker"), aim.seconds / 10)


def pause_worker_for_long(run: Run, aim: Aim) -> None:
    _pause(_one(run, aim, "worker"), aim.seconds)


def pause_reducer(run: Run, aim: Aim) -> None:
    _pause(_one(run, aim, "reducer"), aim.seconds / 10)


def pause_reducer_for_long(run: Run, aim: Aim) -> None:
    _pause(_one(run, aim, "reducer"), aim.seconds)


def pause_master(run: Run, aim: Aim) -> None:
    """The command itself hangs for a while."""
    _pause(run.master, aim.seconds)


def pause_all_workers(run: Run, aim: Aim) -> None:
    _signal_all(signal.SIGSTOP)(run, aim)
    time.sleep(aim.seconds)
    with suppress(Missed):
        _signal_all(signal.SIGCONT)(run, aim)


def kill_master(run: Run, aim: Aim) -> None:
    """SIGKILL of the command, then the same command again.

    Its processes leave by themselves; one that is stopped can't, until somebody wakes it.
    """
    run.crash()
    families.send(run.family(), signal.SIGCONT)
    run.wait_for_nobody()
    run.start()


def _slow(run: Run, process: psutil.Process, until: float) -> None:
    try:
        while time.monotonic() < until and process.is_running() and not run.ended:
            process.send_signal(signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
            process.send_signal(signal.SIGCONT)
            time.sleep(RUNNING_SECONDS)
    except psutil.NoSuchProcess:
        pass  # it was removed


def slow_worker(run: Run, aim: Aim) -> None:
    _slow(run, _one(run, aim, "worker"), time.monotonic() + aim.seconds)


def slow_worker_to_the_end(run: Run, aim: Aim) -> None:
    _slow(run, _one(run, aim, "worker"), float("inf"))


# The order counts: seed k begins with act k, so the short form of the suite is made of the first ones.
ACTS: dict[str, Act] = {
    "kill worker": _signal(signal.SIGKILL, "worker"),
    "kill reducer": _signal(signal.SIGKILL, "reducer"),
    "kill master": kill_master,
    "stop worker": _signal(signal.SIGSTOP, "worker"),
    "kill two": _signal_two(signal.SIGKILL, signal.SIGKILL),
    "pause worker": pause_worker,
    "kill all workers": _signal_all(signal.SIGKILL),
    "slow worker": slow_worker,
    "stop reducer": _signal(signal.SIGSTOP, "reducer"),
    "pause reducer": pause_reducer,
    "pause worker for long": pause_worker_for_long,
    "pause reducer for long": pause_reducer_for_long,
    "pause master": pause_master,
    "pause all workers": pause_all_workers,
    "stop all workers": _signal_all(signal.SIGSTOP),
    "stop one, kill one": _signal_two(signal.SIGSTOP, signal.SIGKILL),
    "slow worker to the end": slow_worker_to_the_end,
}
