"""Messages that are dropped, repeated or late: the right sum or an error that says so, never a wrong one."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.sums import SHARDS, TOKEN, check_sums, reducer_server, reducing_at
from tests.faults.wires import Message, Relay, Rule
from yarnml.errors import WorkerLost
from yarnml.reduce.allreduce import NetworkAllReduce
from yarnml.reduce.chunks import CHUNK_ELEMENTS
from yarnml.reduce.reducer import Reducer

LENGTHS = [500, 2 * CHUNK_ELEMENTS + 5]  # one chunk, three chunks


@contextmanager
def relayed(up: Rule, down: Rule) -> Iterator[tuple[NetworkAllReduce, Reducer]]:
    with reducer_server() as (reducer, server):
        relay = Relay(server.address, TOKEN, up, down)
        with reducing_at(relay.address) as allreduce:
            yield allreduce, reducer
        reducer.close("over")
        relay.shutdown()


def untouched(message: Message, number: int) -> list[Message]:
    return [message]


def twice(message: Message, number: int) -> list[Message]:
    return [message, message]


def again_later() -> Rule:
    """Every message once more, after the next one."""
    before: list[Message] = []

    def rule(message: Message, number: int) -> list[Message]:
        out = [message, *before]
        before[:] = [message]
        return out

    return rule


def slow(message: Message, number: int) -> list[Message]:
    time.sleep(random.Random(number).uniform(0, 0.05))
    return [message]


def without(lost: int) -> Rule:
    return lambda message, number: [] if number == lost else [message]


def garbled(bad: int) -> Rule:
    """Another header, which nobody can read."""
    return lambda message, number: [Message(message.batch, b"\xc1" + message.header) if number == bad else message]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("rule", [twice, again_later])
def test_repeated_parts_change_nothing(rule: Any, length: int) -> None:
    """Parts that come twice, at once or after later ones, are dropped and counted; the sums are right."""
    with relayed(rule() if rule is again_later else rule, untouched) as (allreduce, reducer):
        check_sums(allreduce, length)
        assert reducer.dropped_parts


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", LENGTHS)
def test_repeated_totals_change_nothing(length: int) -> None:
    """Totals that come twice are taken once; the sums are right."""
    with relayed(untouched, twice) as (allreduce, _):
        check_sums(allreduce, length)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length", LENGTHS)
def test_late_messages_change_nothing(length: int) -> None:
    """Parts and totals that take their time cost time, not bits."""
    with relayed(slow, slow) as (allreduce, _):
        check_sums(allreduce, length)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bad", [0, SHARDS + 1])
def test_parts_that_do_not_arrive_are_told(bad: int) -> None:
    """A part that is lost, or that the reducer can't read, is an error of the worker that waits, never another sum."""
    for harm in (without, garbled):
        with relayed(harm(bad), untouched) as (allreduce, _), pytest.raises(WorkerLost):
            check_sums(allreduce, 500)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize("harm", [without, garbled])
def test_totals_that_do_not_arrive_are_told(harm: Any, bad: int) -> None:
    """A total that is lost, or that the worker can't read, is an error that says so, never another sum."""
    with relayed(untouched, harm(bad)) as (allreduce, _), pytest.raises(WorkerLost):
        check_sums(allreduce, 500)


@pytest.mark.timeout(60)
def test_a_reducer_outlives_a_stream_that_ends_before_its_sum() -> None:
    """Workers that leave after their first part cost the reducer nothing; its process lives on."""
    done = subprocess.run([sys.executable, "-c", REDUCER], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.strip() == "alive"


REDUCER = """
import contextlib
import numpy as np, pyarrow as pa, pyarrow.flight as fl
from yarnml.reduce.wire import Hello, Part
from yarnml.reduce.server import PeerServices
from yarnml.control.credentials import Token
from yarnml.reduce.server import ReducerServer
from yarnml.reduce.wire import encode

token = Token("secret of the test")
home = PeerServices(token)
server = ReducerServer(home, "127.0.0.1", token, 0.2)
schema = pa.schema([pa.field("bytes", pa.uint8(), nullable=False)])
batch = pa.RecordBatch.from_arrays([pa.array(np.ones(16, np.uint8))], schema=schema)
for _ in range(40):
    client = fl.FlightClient(f"grpc+unix://{server.address}", **token.calling())
    options = fl.FlightCallOptions(headers=token.headers)
    writer, reader = client.do_exchange(fl.FlightDescriptor.for_command(encode(Hello(0))), options)
    writer.begin(batch.schema)
    writer.write_with_metadata(batch, encode(Part(1, 0, 3, 0, 0, 0, 1, "float32")))
    writer.done_writing()
    with contextlib.suppress(StopIteration, pa.ArrowException, OSError):
        while True:
            reader.read_chunk()
    client.close()
home.close("over")
server.shutdown()
print("alive")
"""
