"""A process with the two ends of an all-reduce and nothing else, as a worker has them: no JAX, no data, no master.

``python -m benchmarks.exchanger INDEX FOLDER``: with the certificate in that folder, by Flight, as containers do;
without one, by the sockets of this machine.  It tells its address, then carries out orders, one line of JSON each.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from yarnml.control.commands import Assignment, Idle
from yarnml.control.credentials import FOLDER_VARIABLE, TOKEN_VARIABLE, Certificate, Credentials, Token
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.relay import Relay
from yarnml.reduce.routing import plan_routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.tree import Node

HOST = "127.0.0.1"
CERTIFICATE = "certificate"
KEY = "key"
NAME = "skein-internal"  # of the host that Skein's certificates are made for
STEP_SECONDS = 120.0
"""The longest that a step may take."""


class Exchanger:
    """A worker's end and a reducer's.  ``address``: the reducer's."""

    def __init__(self, index: int, credentials: Credentials) -> None:
        # The relay waits so long that the number of messages is the same on a machine that is too busy.
        self._index = index
        home = PeerServices(credentials, Relay(STEP_SECONDS))
        self._server = ReducerServer(home, HOST, credentials, STEP_SECONDS)
        self.address = self._server.address
        self._allreduce = NetworkAllReduce(index, home, self.address, credentials, STEP_SECONDS)

    def carry_out(
        self, generation: int, workers: list[str], reducers: list[str], levels: int, elements: int, steps: int
    ) -> float:
        """Add up vectors, ``steps`` times; return the seconds.

        ``workers`` and ``reducers``: their addresses; each worker has one shard.
        """
        count = len(workers)
        shards = {index: [index] for index in range(count)}
        assignment = Assignment(generation, Idle(), shards, reducers, dict(enumerate(workers)), levels)
        self._allreduce.begin(plan_routes(assignment, self._index))
        parts = {Node(0, self._index): np.ones(elements, np.float32)}
        start = time.perf_counter()
        for step in range(steps):
            total = self._allreduce.reduce(StepKey(generation, step), parts, count)
        seconds = time.perf_counter() - start
        assert (total == count).all(), f"the sum over {count} workers is wrong"
        return seconds

    def counted(self) -> dict[str, float]:
        """Seconds of processor time, and messages and bytes of the worker's end and of its relay's, since the start."""
        ends = self._allreduce
        passed = [ends.sent, ends.received, ends.relay_sent, ends.relay_received]
        return {
            "cpu": time.process_time(),
            "messages": sum(way.messages for way in passed),
            "bytes": sum(way.bytes for way in passed),
        }


def credentials(folder: Path) -> Credentials:
    """The credentials of a container, or of a local process."""
    files = folder / CERTIFICATE, folder / KEY
    if all(file.exists() for file in files):
        return Certificate(*(file.read_bytes() for file in files), NAME)
    return Token(os.environ[TOKEN_VARIABLE], os.environ[FOLDER_VARIABLE])


def main(index: str, folder: str) -> None:
    """Carry out orders: the arguments of ``carry_out``, or nothing for a process that only reduces."""
    exchanger = Exchanger(int(index), credentials(Path(folder)))
    print(json.dumps({"address": exchanger.address}), flush=True)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        before = exchanger.counted()
        seconds = exchanger.carry_out(**order) if order else 0.0
        after = exchanger.counted()
        print(json.dumps({"seconds": seconds, "before": before, "after": after}), flush=True)
    os._exit(0)  # streams to processes that are gone already are not worth a wait


if __name__ == "__main__":
    main(*sys.argv[1:])
