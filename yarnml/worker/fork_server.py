"""The program that a machine's workers and reducers are forked from: it imports their libraries once, for all of them.

Imports take most of a small job's start.  What is forked shares their memory, and a replacement joins at once.

The launcher sends a message for each process through a socket, with the file of its log; the answers tell when it runs
and how it ended.  Standard input is a pipe that the launcher holds: its end tells every process that it is gone.
"""

import os
import selectors
import socket
import sys
from contextlib import suppress
from importlib import import_module

from yarnml.events.log import log_what_nobody_catches
from yarnml.worker import process
from yarnml.worker.fork_messages import MAX_MESSAGE_BYTES, Answer, Load, Request, decode, encode

_NAME_FILE = "/proc/self/comm"


class ForkServer:
    """Forks a process for each request, and tells how each has ended.

    It may have no thread and no device in use: a fork would lose them.
    """

    def __init__(self, launcher: socket.socket) -> None:
        self._launcher = launcher
        self._selector = selectors.DefaultSelector()
        self._selector.register(launcher, selectors.EVENT_READ)

    def serve(self) -> Request | None:
        """Return the request in the process that was forked for it; None in the server, when the launcher is gone."""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Answer):
                    self._tell_end(key.fd, key.data)
                    continue
                message, files, _, _ = socket.recv_fds(self._launcher, MAX_MESSAGE_BYTES, maxfds=1)
                if not message:
                    return None
                request = decode(message)
                if isinstance(request, Load):
                    _load(request)
                elif self._fork(request, files[0]):
                    return request

    def _fork(self, request: Request, log: int) -> bool:
        """Fork a process that writes to ``log``; True in the new one."""
        pid = os.fork()
        if not pid:
            self._selector.close()
            self._launcher.close()
            _become(request, log)
            return True
        os.close(log)
        answer = Answer(request.number, pid)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, answer)
        self._launcher.send(encode(answer))
        return False

    def _tell_end(self, process: int, answer: Answer) -> None:
        self._selector.unregister(process)
        os.close(process)
        _, status = os.waitpid(answer.pid, 0)
        self._launcher.send(encode(Answer(answer.number, answer.pid, os.waitstatus_to_exitcode(status))))


def _load(request: Load) -> None:
    """Load compiled loops, once for all that are forked later."""
    with process.lasting_objects():
        import_module(request.loops).kernels()


def _become(request: Request, log: int) -> None:
    """Make this process the one that was asked for."""
    os.setsid()  # what it starts is in a group of its own
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    os.environ.update(request.variables)
    with suppress(OSError), open(_NAME_FILE, "w") as file:  # only the name in lists of processes
        file.write(request.name)


def main() -> int:
    """Fork processes for the launcher at the other end of the socket whose number is the only argument."""
    log_what_nobody_catches()
    process.die_with_launcher()
    launcher = socket.socket(fileno=int(sys.argv[1]))
    process.import_libraries()
    return 0 if ForkServer(launcher).serve() is None else process.main()


if __name__ == "__main__":
    sys.exit(main())
