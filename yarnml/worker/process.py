"""The program of a worker's or reducer's process: join the master, carry out its commands, report, send heartbeats."""

import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from yarnml import __version__, storage
from yarnml.control.calls import BackupTask, Heartbeat, HeartbeatReply, Poll, RequestBackup
from yarnml.control.commands import Assignment, Idle, Stop
from yarnml.control.credentials import TOKEN_VARIABLE
from yarnml.control.reports import Done, Failed, Joined, Report
from yarnml.control.rpc import ControlClient
from yarnml.control.usage import UsageMeter
from yarnml.errors import WorkerLost, YarnmlError
from yarnml.events.log import log, log_what_nobody_catches
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.reducer import StepAborted
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.worker.affinity import available_cores, bind_thread
from yarnml.worker.environment import Environment, read_environment
from yarnml.worker.progress import ProgressTracker

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>

MIN_HEARTBEAT_PAUSE_SECONDS = 0.05
"""Least time between two heartbeats.  The master holds each of them for as long as it has no news."""

Executor = Callable[[Assignment], Report]
"""Carries out the command of an assignment."""


def main() -> int:
    """Run the role that the environment tells."""
    log_what_nobody_catches()
    environment = read_environment()
    os.environ.pop(TOKEN_VARIABLE, None)  # what the user's own code starts does not need it
    if environment.guarded:
        die_with_launcher()
        threading.Thread(target=_exit_with_launcher, daemon=True, name="guard").start()
    return work(environment)


def work(environment: Environment) -> int:
    """Run one role to its end; the exit status is 0 when the master said stop."""
    peers = PeerServices(environment.credentials)
    tracker = ProgressTracker()
    # A thread has the cores of the thread that starts it.  So what serves other workers starts first, on the cores that
    # this worker does not compute on; after that the computing thread is bound to its own.
    bind_thread(available_cores() - set(environment.cores))
    server = ReducerServer(peers, environment.host, environment.credentials, environment.stall)
    allreduce = NetworkAllReduce(environment.index, peers, server.address, environment.credentials, environment.stall)
    client = ControlClient(environment.master, environment.credentials, environment.timeout)
    arguments = (environment, tracker, allreduce)
    threading.Thread(target=_send_heartbeats, args=arguments, daemon=True, name="heartbeat").start()
    bind_thread(environment.cores)
    joined = Joined(server.address, __version__, environment.host)
    try:
        with storage.patience():
            _serve(environment, client, joined, _executor(environment, client, allreduce, tracker))
    except WorkerLost as exc:
        _exit_without_master(environment, exc)
    finally:
        peers.close("This process is shutting down.")
        allreduce.close()
        server.shutdown()
    gc.freeze()  # else Python would look through all objects of JAX for garbage at its end
    return 0


def _executor(
    environment: Environment, client: ControlClient, allreduce: NetworkAllReduce, tracker: ProgressTracker
) -> Executor:
    """Make what carries out commands; reducers have no use for JAX and never import it."""
    if environment.role == "reducer":
        return lambda assignment: Done()
    import_libraries()
    from yarnml.worker.mapper import Mapper

    def request_backup(generation: int, step: int, copy: bool) -> int | None:
        task = client.call(RequestBackup(environment.index, generation, step, copy))
        return task.shard if isinstance(task, BackupTask) else None

    return Mapper(environment.index, allreduce, tracker, request_backup).execute


def import_libraries() -> None:
    """Import what workers use."""
    with lasting_objects():
        import yarnml.worker.mapper  # noqa: F401


@contextmanager
def lasting_objects() -> Iterator[None]:
    """Keep Python from looking for garbage in what a block makes, as imports do, which stays.

    It would look time and again, a fifth of the work of an import, and in forked processes copy the memory that they
    share.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def _serve(environment: Environment, client: ControlClient, report: Report, execute: Executor) -> None:
    """Poll the master for commands and carry them out, until it says stop.

    ``report``: the first one, which joins; every later one answers the command before.
    """
    generation = 0
    while True:
        assignment = client.call(Poll(environment.process_id, generation, report))
        if not isinstance(assignment, Assignment) or isinstance(assignment.command, Idle):
            continue
        if isinstance(assignment.command, Stop):
            return
        generation = assignment.generation
        try:
            report = execute(assignment)
        except StepAborted:
            report = Done()  # the master has given the generation up, and reads no report of it
        except Exception as exc:
            report = failed(exc)
            log(report.detail, report.text)


def _send_heartbeats(environment: Environment, tracker: ProgressTracker, allreduce: NetworkAllReduce) -> None:
    """Tell the master again and again that this process lives; exit when the master does not.

    The reply tells which generations are over: the computing thread may be waiting for a total that never comes.
    """
    client = ControlClient(environment.master, environment.credentials, environment.timeout)
    meter = UsageMeter(lambda: allreduce.sent.bytes + allreduce.relay_sent.bytes)
    generation = 0
    try:
        while True:
            usage = meter.take()
            reply = client.call(Heartbeat(environment.process_id, generation, tracker.progress, tracker.saved, usage))
            if isinstance(reply, HeartbeatReply):
                allreduce.abort_before(reply.generation)
                tracker.reassign(reply.generation, reply.step, frozenset(reply.given))
                generation = reply.generation
            time.sleep(MIN_HEARTBEAT_PAUSE_SECONDS)
    except WorkerLost as exc:
        _exit_without_master(environment, exc)


def _exit_without_master(environment: Environment, exc: WorkerLost) -> None:
    """Log why the master can't be reached, and exit at once: the other processes learn it from the broken streams."""
    log(f"{environment.role} {environment.index}: {exc}")
    os._exit(1)


def die_with_launcher() -> None:
    """Have Linux kill this process when its launcher dies: one that is stopped could not exit by itself."""
    with contextlib.suppress(OSError, AttributeError):  # on other systems the guard thread has to do
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _exit_with_launcher() -> None:
    """Exit when the launcher does, however it died: the kernel then closes its end of our standard input."""
    os.read(sys.stdin.fileno(), 1)  # not through sys.stdin: its lock would be held while the interpreter ends
    os._exit(1)


def failed(exc: Exception) -> Failed:
    """Make the report of an exception: our own errors as they are, others with their traceback."""
    if isinstance(exc, YarnmlError):
        return Failed(type(exc).__name__, str(exc), exc.detail)
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else "no message"
    text = f"A worker failed with {type(exc).__name__}: {reason}"
    return Failed(YarnmlError.__name__, text, "".join(traceback.format_exception(exc)))
