"""The processor time of an exchange on this machine: a few real sums by two workers in threads of this process.

As a program, ``python -m yarnml.reduce.exchange_trial NUMBERS``, it prints the seconds.
"""

import sys
import threading
import time
from contextlib import ExitStack

import numpy as np

from yarnml.control.commands import Assignment, Idle
from yarnml.control.credentials import Token
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.reducer import StepKey
from yarnml.reduce.routing import plan_routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.tree import Node

SUMS = 4
"""The first one opens connections, and is not counted."""

TIMEOUT_SECONDS = 60.0

_HOST = "127.0.0.1"
_WORKERS = 2
_GENERATION = 1


def seconds_of_a_sum(numbers: int) -> float:
    """Processor seconds of both workers for a sum of so many float32 numbers: the least of some, as others disturb."""
    credentials = Token()
    with ExitStack() as stack:
        services = [PeerServices(credentials) for _ in range(_WORKERS)]
        servers = [ReducerServer(offered, _HOST, credentials, TIMEOUT_SECONDS) for offered in services]
        for offered, server in zip(services, servers, strict=True):
            stack.callback(server.shutdown)
            stack.callback(offered.close, "The trial is over.")
        addresses = [server.address for server in servers]
        shards = {worker: [worker] for worker in range(_WORKERS)}
        assignment = Assignment(_GENERATION, Idle(), shards, addresses, dict(enumerate(addresses)))
        workers = []
        for worker, offered in enumerate(services):
            allreduce = NetworkAllReduce(worker, offered, addresses[worker], credentials, TIMEOUT_SECONDS)
            stack.callback(allreduce.close)
            allreduce.abort_before(_GENERATION)
            allreduce.begin(plan_routes(assignment, worker))
            workers.append(allreduce)
        _sum(workers, numbers, 0)
        return min(_sum(workers, numbers, step) for step in range(1, SUMS))


def _sum(workers: list[NetworkAllReduce], numbers: int, step: int) -> float:
    """Add up one vector of each worker; the processor seconds."""
    vector = np.ones(numbers, np.float32)
    key = StepKey(_GENERATION, step)
    threads = [
        threading.Thread(target=allreduce.reduce, args=(key, {Node(0, worker): vector}, len(workers)), daemon=True)
        for worker, allreduce in enumerate(workers)
    ]
    began = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.process_time() - began


if __name__ == "__main__":
    print(seconds_of_a_sum(int(sys.argv[1])))
