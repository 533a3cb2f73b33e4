"""The program that a container runs, worker or reducer: join the master, meet it, do what it says, report."""

import os
import sys
import threading
import time
from collections.abc import Callable

from yarnml import __version__, storage
from yarnml.environment import Environment, read_environment
from yarnml.errors import WorkerLost
from yarnml.log import log
from yarnml.messages import Ack, Beat, Done, Joined, Meet, Meeting, Report, Stop, Wait, failed
from yarnml.reducer import Reducer
from yarnml.transport.control import ControlClient
from yarnml.transport.flight import FlightExchange, ReducerServer

BEAT_SECONDS = 0.5


def main() -> int:
    """Run the role that the environment tells."""
    here = read_environment()
    if here.guarded:
        threading.Thread(target=_leave_with_launcher, daemon=True, name="guard").start()
    return work(here)


def work(here: Environment) -> int:
    """Run one role to its end; the exit status is 0 when the master said stop."""
    reducer = Reducer()
    server = ReducerServer(reducer, here.host, here.credentials, here.stall)
    sight = _Sight()
    exchange = FlightExchange(here.index, reducer, server.address, here.credentials, here.stall)
    client = ControlClient(here.master, here.credentials, here.timeout)
    threading.Thread(target=_beat, args=(here, sight, exchange), daemon=True, name="beat").start()
    try:
        with storage.patience():
            _serve(here, client, Joined(server.address, __version__, here.host), _executor(here, exchange, sight))
    except WorkerLost as exc:
        log(f"{here.role} {here.index}: {exc}")
        return 1
    finally:
        reducer.close("This process is shutting down.")
        exchange.close()
        server.shutdown()
    return 0


def _executor(here: Environment, exchange: FlightExchange, sight: "_Sight") -> Callable[[Meeting], Report]:
    """What carries out commands; reducers have no use for JAX and never import it."""
    if here.role == "reducer":
        return lambda meeting: Done()
    from yarnml.mapper import Mapper

    return Mapper(here.index, exchange, sight).execute


def _serve(here: Environment, client: ControlClient, report: Report, execute: Callable[[Meeting], Report]) -> None:
    number = 0
    while True:
        meeting = client.call(Meet(here.role, here.index, number, report))
        if not isinstance(meeting, Meeting) or isinstance(meeting.command, Wait):
            continue
        if isinstance(meeting.command, Stop):
            return
        number = meeting.number
        try:
            report = execute(meeting)
        except Exception as exc:
            report = failed(exc)
            log(report.detail, report.text)


class _Sight:
    """What the next beat tells; see `yarnml.mapper.Sight`."""

    def __init__(self) -> None:
        self.newest = (0, 0.0, 0)
        self.batches = 0

    def step(self, step: int, loss: float, rows: int) -> None:
        self.newest = (step, loss, rows)

    def batch(self) -> None:
        self.batches += 1


def _beat(here: Environment, sight: _Sight, exchange: FlightExchange) -> None:
    """Tell the master that we live; leave when it does not.  Its answer tells which meetings are over."""
    client = ControlClient(here.master, here.credentials, here.timeout)
    try:
        while True:
            ack = client.call(Beat(here.role, here.index, *sight.newest, sight.batches))
            if isinstance(ack, Ack):
                exchange.abandon(ack.number)
            time.sleep(BEAT_SECONDS)
    except WorkerLost as exc:
        log(f"{here.role} {here.index}: {exc}")
        os._exit(1)


def _leave_with_launcher() -> None:
    """End at once when the launcher does, however it died: the kernel then closes its end of our standard input."""
    os.read(sys.stdin.fileno(), 1)  # not through sys.stdin: its lock would be held while the interpreter ends
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
