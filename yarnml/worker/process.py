"""The program that a container runs, worker or reducer: join the master, meet it, do what it says, report."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

from yarnml import __version__, storage
from yarnml.control.calls import BackupTask, Heartbeat, HeartbeatReply, Poll, RequestBackup
from yarnml.control.commands import Assignment, Idle, Stop
from yarnml.control.reports import Done, Failed, Joined, Report
from yarnml.control.rpc import ControlClient
from yarnml.errors import WorkerLost, YarnmlError
from yarnml.events.log import log
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.reducer import StepAborted
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.worker.affinity import available, bind
from yarnml.worker.environment import Environment, read_environment
from yarnml.worker.progress import ProgressTracker

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
PAUSE_SECONDS = 0.05  # least time between two beats; the master holds each for as long as it has no news


def main() -> int:
    """Run the role that the environment tells."""
    here = read_environment()
    if here.guarded:
        _die_with_launcher()
        threading.Thread(target=_leave_with_launcher, daemon=True, name="guard").start()
    return work(here)


def work(here: Environment) -> int:
    """Run one role to its end; the exit status is 0 when the master said stop."""
    home, tracker = PeerServices(), ProgressTracker()
    bind(available() - set(here.cores))  # what serves the others
    server = ReducerServer(home, here.host, here.credentials, here.stall)
    allreduce = NetworkAllReduce(here.index, home, server.address, here.credentials, here.stall)
    client = ControlClient(here.master, here.credentials, here.timeout)
    threading.Thread(target=_beat, args=(here, tracker, allreduce), daemon=True, name="beat").start()
    bind(here.cores)  # what computes
    try:
        with storage.patience():
            _serve(
                here,
                client,
                Joined(server.address, __version__, here.host),
                _executor(here, client, allreduce, tracker),
            )
    except WorkerLost as exc:
        log(f"{here.role} {here.index}: {exc}")
        os._exit(1)  # at once: who still talks to us learns it from the broken stream
    finally:
        home.close("This process is shutting down.")
        allreduce.close()
        server.shutdown()
    return 0


def _executor(
    here: Environment, client: ControlClient, allreduce: NetworkAllReduce, tracker: ProgressTracker
) -> Callable[[Assignment], Report]:
    """What carries out commands; reducers have no use for JAX and never import it."""
    if here.role == "reducer":
        return lambda assignment: Done()
    from yarnml.worker.mapper import Mapper

    def spared(generation: int, step: int, copy: bool) -> int | None:
        task = client.call(RequestBackup(here.index, generation, step, copy))
        return task.shard if isinstance(task, BackupTask) else None

    return Mapper(here.index, allreduce, tracker, spared).execute


def _serve(here: Environment, client: ControlClient, report: Report, execute: Callable[[Assignment], Report]) -> None:
    generation = 0
    while True:
        assignment = client.call(Poll(here.process_id, generation, report))
        if not isinstance(assignment, Assignment) or isinstance(assignment.command, Idle):
            continue
        if isinstance(assignment.command, Stop):
            return
        generation = assignment.generation
        try:
            report = execute(assignment)
        except StepAborted:
            report = Done()  # nobody waits for it
        except Exception as exc:
            report = failed(exc)
            log(report.detail, report.text)


def _beat(here: Environment, tracker: ProgressTracker, allreduce: NetworkAllReduce) -> None:
    """Tell the master that we live; leave when it does not.  Its answer tells which meetings are over."""
    client, heard = ControlClient(here.master, here.credentials, here.timeout), 0
    try:
        while True:
            ack = client.call(Heartbeat(here.process_id, heard, tracker.progress, tracker.saved))
            if isinstance(ack, HeartbeatReply):
                allreduce.abort_before(ack.generation)
                tracker.reassign(ack.generation, ack.step, frozenset(ack.given))
                heard = ack.generation
            time.sleep(PAUSE_SECONDS)
    except WorkerLost as exc:
        log(f"{here.role} {here.index}: {exc}")
        os._exit(1)


def _die_with_launcher() -> None:
    """Have Linux kill this process when its launcher dies: one that is stopped could not leave by itself."""
    with contextlib.suppress(OSError, AttributeError):  # elsewhere the guard below has to do
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave_with_launcher() -> None:
    """End at once when the launcher does, however it died: the kernel then closes its end of our standard input."""
    os.read(sys.stdin.fileno(), 1)  # not through sys.stdin: its lock would be held while the interpreter ends
    os._exit(1)


def failed(exc: Exception) -> Failed:
    """What to report about an exception: our own errors as they are, others with their traceback."""
    if isinstance(exc, YarnmlError):
        return Failed(type(exc).__name__, str(exc), exc.detail)
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else "no message"
    text = f"A worker failed with {type(exc).__name__}: {reason}"
    return Failed(YarnmlError.__name__, text, "".join(traceback.format_exception(exc)))


if __name__ == "__main__":
    sys.exit(main())
