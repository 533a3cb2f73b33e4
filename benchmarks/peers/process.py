"""A peer as child processes: the parent says when, the children work and answer with what they measured.

Both ends of the line are here.  A block begins with a line on a child's input, the first one by itself, and ends with
one line of JSON on its output.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from itertools import chain
from typing import NamedTuple

from benchmarks.measure import CORES
from yarnml.worker.library_variables import THREAD_POOL_VARIABLES, device_variables

BLOCK_SECONDS = 600.0
"""The longest that a block may take."""

Answer = dict[str, float]


class Peer(NamedTuple):
    """A program of this package that runs in some ``processes``, which share the cores.

    ``needs``: the packages that must be installed, and commands that must be there, which begin with a '/'.
    """

    program: str
    arguments: Sequence[str]
    processes: int = 1
    needs: Sequence[str] = ()
    variables: Mapping[str, str] = {}


def present(peers: Mapping[str, Peer]) -> dict[str, Peer]:
    """The peers that can run here; the others are named."""
    runnable = {}
    for name, peer in peers.items():
        missing = [need for need in peer.needs if not _is_installed(need)]
        if missing:
            print(f"  {name} is left out: not installed: {', '.join(missing)} (pip install 'yarnml[bench]')")
        else:
            runnable[name] = peer
    return runnable


def _is_installed(need: str) -> bool:
    return bool(shutil.which(need[1:]) if need.startswith("/") else find_spec(need))


class Running:
    """The processes of a peer; each call runs a block in all of them at once.  ``first``: the answer to the first.

    ``prefixes``: what each process's line begins with, to run elsewhere; ``address``: where the first one is.
    """

    def __init__(self, peer: Peer, prefixes: Sequence[Sequence[str]] = (), address: str = "127.0.0.1") -> None:
        self._line = [sys.executable, "-m", f"benchmarks.peers.{peer.program}", *peer.arguments]
        threads = dict.fromkeys([*THREAD_POOL_VARIABLES, "ARROW_IO_THREADS"], str(max(1, CORES // peer.processes)))
        group = {"WORLD_SIZE": str(peer.processes), "MASTER_ADDR": address, "MASTER_PORT": str(_free_port())}
        variables = {**os.environ, **threads, **device_variables(0, 0), **group, **peer.variables}
        self._children = [
            subprocess.Popen(
                [*prefix, *self._line],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=variables | {"RANK": str(rank)},
            )
            for rank, prefix in enumerate(prefixes or [()] * peer.processes)
        ]
        self.first = self._answer()

    def __call__(self) -> Answer:
        for child in self._children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        return self._answer()

    def _answer(self) -> Answer:
        """The answer of the slowest process."""
        overdue = threading.Timer(BLOCK_SECONDS, self._kill)
        overdue.start()
        lines = []
        try:
            for child in self._children:
                assert child.stdout is not None
                lines.append(child.stdout.readline())
                if not lines[-1]:
                    self._kill()
                    raise RuntimeError(
                        f"{' '.join(self._line[2:])} ended without an answer, or took more than {BLOCK_SECONDS:.0f} s; "
                        "what it said is above."
                    )
        finally:
            overdue.cancel()
        answers: list[Answer] = [json.loads(line) for line in lines]
        return max(answers, key=lambda answer: answer["seconds"])

    def _kill(self) -> None:
        for child in self._children:
            child.kill()

    def close(self) -> None:
        """Let all of them end, together: some wait for each other."""
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
        overdue = threading.Timer(BLOCK_SECONDS, self._kill)
        overdue.start()
        for child in self._children:
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
        overdue.cancel()


def once(peer: Peer) -> Callable[[], Answer]:
    """A block that is a whole life of the processes, from their start to the first answer and the end."""

    def block() -> Answer:
        running = Running(peer)
        running.close()
        return running.first

    return block


def serve(block: Callable[[], Answer]) -> None:
    """Answer the parent: a child's end.  What libraries print goes to standard error."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for _ in chain(["the first"], sys.stdin):
            print(json.dumps(block()), file=answers, flush=True)


def place() -> tuple[int, int]:
    """A child's number, and how many there are."""
    return int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
