"""Sums of known numbers through a reducer of this process, to be checked against the sums without one."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tests.faults.wires import HOST, closing
from yarnml.control.credentials import Credentials, Token
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.reducer import Reducer, StepKey
from yarnml.reduce.routing import Routes
from yarnml.reduce.server import PeerServices, ReducerServer
from yarnml.reduce.tree import Node, Vector, combine, root

SHARDS = 3
STEPS = 4
PATIENCE = 1.0  # seconds
TOKEN = Token("secret of the test")


def leaves(step: int, length: int) -> dict[int, Vector]:
    return {s: np.random.default_rng([step, s]).normal(size=length).astype(np.float32) for s in range(SHARDS)}


def total(step: int, length: int) -> bytes:
    return combine(leaves(step, length), SHARDS)[root(SHARDS)].tobytes()


def spread(step: int, length: int) -> dict[Node, Vector]:
    """The parts of one step as several workers would send them: nothing added up yet."""
    return {Node(0, shard): leaf for shard, leaf in leaves(step, length).items()}


@contextmanager
def reducer_server(credentials: Credentials = TOKEN) -> Iterator[tuple[Reducer, ReducerServer]]:
    home = PeerServices(credentials)
    server = ReducerServer(home, HOST, credentials, 10 * PATIENCE)  # it is the worker whose wait ends
    try:
        yield home.reducer, server
    finally:
        home.close("over")
        server.shutdown()


@contextmanager
def reducing_at(address: str, credentials: Credentials = TOKEN) -> Iterator[NetworkAllReduce]:
    """One worker with all shards, whose reducer is behind ``address``."""
    with closing(allreduce := NetworkAllReduce(0, PeerServices(credentials), "nowhere", credentials, PATIENCE)):
        allreduce.begin(Routes([address], 1))
        yield allreduce


def check_sums(allreduce: NetworkAllReduce, length: int, generation: int = 1) -> None:
    for step in range(STEPS):
        got = allreduce.reduce(StepKey(generation, step), spread(step, length), SHARDS).tobytes()
        assert got == total(step, length), f"step {step} has a wrong sum"
