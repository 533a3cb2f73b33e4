"""Processes of this machine that are forked from one that has imported their libraries, as their launcher sees them."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from yarnml.clusters.groups import ProcessGroups, end_by_input
from yarnml.worker.fork_messages import MAX_MESSAGE_BYTES, Answer, Load, Request, encode

_PROGRAM = "yarnml.worker.fork_server"

_POLL_SECONDS = 0.02

MAX_LOG_BYTES = 2**16
"""Bytes of a server's own log that are read."""


@dataclass(frozen=True)
class Origin:
    """The place where a server was started, which it keeps.

    ``variables``: its environment, which libraries read when they are imported.
    ``folder``: the working folder, which Python imports from.
    ``thread``: Linux kills a server when the thread that has started it ends.
    """

    variables: Mapping[str, str]
    folder: str
    thread: int

    @classmethod
    def of_caller(cls, variables: Mapping[str, str]) -> "Origin":
        return cls(variables, os.getcwd(), threading.get_native_id())


class ForkedProcess:
    """A process that was asked for.  ``pid``: None until it runs.  ``status``: None until it has ended.

    A status below zero is that of a signal, as in `subprocess.Popen.returncode`.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self.status: int | None = None
        self.is_unwanted = False
        """It was killed before it ran, and is killed as soon as it does."""


class ForkClient:
    """The launcher's side of a running fork server: starts it, asks it for processes, and hears how they ended.

    All that the server has forked ends with it, and it ends with this process.

    ``variables``: its environment, and that of what it forks.
    Raises OSError where it can't be started.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.origin = Origin.of_caller(variables)
        self._groups = ProcessGroups()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the server)
        self._socket, server_socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with server_socket:
            self._popen = subprocess.Popen(
                # -P: no module of Python's is looked for among the user's files in the working folder
                [sys.executable, "-P", "-m", _PROGRAM, str(server_socket.fileno())],
                env=variables,
                stdin=subprocess.PIPE,  # its end tells the server and all that it forks that we are gone
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for this process alone
                pass_fds=[server_socket.fileno()],
            )
        self._processes: list[ForkedProcess] = []
        self._loops: set[str] = set()
        self._lock = threading.Lock()

    @property
    def status(self) -> int | None:
        """The server's own, as of `ForkedProcess`."""
        return self._popen.poll()

    @property
    def has_ended(self) -> bool:
        return self.status is not None

    @property
    def is_idle(self) -> bool:
        """It runs, and has no work: all that it has forked has ended."""
        with self._lock:
            self._receive()
        return not self.has_ended and all(process.status is not None for process in self._processes)

    def log(self) -> str:
        """Return the end of what the server itself has written: why it could not start."""
        size = os.fstat(self._log.fileno()).st_size
        # At a place of its own: the server writes where this file's position is.
        return os.pread(self._log.fileno(), MAX_LOG_BYTES, max(0, size - MAX_LOG_BYTES)).decode(errors="replace")

    def fork(self, name: str, variables: Mapping[str, str], output: IO[bytes]) -> ForkedProcess:
        """Ask for a process that writes to ``output``; an answer is not waited for.  Raises OSError."""
        more = {name: value for name, value in variables.items() if self.origin.variables.get(name) != value}
        process = ForkedProcess()
        with self._lock:
            request = Request(len(self._processes), name, more)
            self._processes.append(process)
            with suppress(ConnectionError):  # a server that ends now takes this process with it
                socket.send_fds(self._socket, [encode(request)], [output.fileno()])
        return process

    def load(self, loops: str) -> None:
        """Have compiled loops loaded for all processes to come, by their module; an answer is not waited for."""
        with self._lock:
            if loops and loops not in self._loops:
                self._loops.add(loops)
                with suppress(ConnectionError):  # as in `fork`
                    self._socket.send(encode(Load(loops)))

    def poll(self, process: ForkedProcess) -> int | None:
        """Return the status of a process, None while it hasn't ended."""
        with self._lock:
            self._receive()
        return process.status

    def wait(self, process: ForkedProcess, seconds: float) -> bool:
        """Wait for the end of a process; False where it doesn't come in time."""
        deadline = time.monotonic() + seconds
        while self.poll(process) is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def kill(self, process: ForkedProcess) -> None:
        """Kill a process, also one that does not run yet."""
        with self._lock:
            process.is_unwanted = True
            self._receive()
            _kill(process)

    def close(self) -> None:
        """End the server, and with it what it has forked."""
        is_idle = self.is_idle
        self._socket.close()
        if is_idle:
            self._popen.kill()  # where it loads libraries still, nobody needs to wait for them
        end_by_input(self._popen)
        self._groups.close()
        self._log.close()

    def _receive(self) -> None:
        """Take the answers that have come; a server that has ended has taken its processes with it."""
        with suppress(BlockingIOError, ConnectionError):
            while message := self._socket.recv(MAX_MESSAGE_BYTES, socket.MSG_DONTWAIT):
                answer = Answer(**json.loads(message))
                self._note(self._processes[answer.number], answer.pid, answer.status)
        if (status := self._popen.poll()) is not None:
            for process in self._processes:
                if process.status is None:
                    self._note(process, process.pid, status if process.pid is None else -signal.SIGKILL)

    def _note(self, process: ForkedProcess, pid: int | None, status: int | None) -> None:
        if pid is not None and process.pid is None:
            process.pid = pid
            self._groups.add(pid)
            if process.is_unwanted:
                _kill(process)
        process.status = status
        if pid is not None and status is not None:
            self._groups.end(pid)


def _kill(process: ForkedProcess) -> None:
    if process.pid is not None and process.status is None:
        with suppress(ProcessLookupError):  # it has ended this moment
            os.kill(process.pid, signal.SIGKILL)
