"""Messages that nobody sends: refused, and whoever gets them goes on serving the others."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.flight as fl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.law import deadline
from tests.fuzz.typos import mutated
from yarnml.control.calls import (
    BackupTask,
    Call,
    FollowEvents,
    Heartbeat,
    HeartbeatReply,
    Poll,
    Reply,
    RequestBackup,
    Resize,
)
from yarnml.control.codec import decode_call, decode_reply, encode
from yarnml.control.commands import Assignment, Idle
from yarnml.control.credentials import Token
from yarnml.control.reports import Done, Failed, Joined
from yarnml.control.roles import ProcessId
from yarnml.control.rpc import ControlClient, ControlServer
from yarnml.reduce.connections.base import ConnectionLost
from yarnml.reduce.connections.sockets import SocketConnection
from yarnml.reduce.handler import StreamHandler
from yarnml.reduce.reducer import Reducer, StepKey
from yarnml.reduce.wire import Hello, Part, Refusal, decode_hello, decode_part, decode_refusal
from yarnml.reduce.wire import encode as encode_header

FUZZ = settings(settings.get_profile("fuzz"))

WORKER = ProcessId("worker", 0)
CALLS: list[Call] = [
    Poll(WORKER, 2, Joined("host:2", "1")),
    Poll(WORKER, 2, Failed("ModelError", "why", "detail")),
    Poll(WORKER, 0, Done()),
    Heartbeat(WORKER, 3),
    RequestBackup(0, 1, 2, copy=False),
    Resize(3, None),
    FollowEvents(2, 3),
]
REPLIES: list[Reply] = [Assignment(3, Idle(), {0: [1, 2]}, ["host:1"]), HeartbeatReply(1, 2, [3]), BackupTask(None)]
HEADERS = [Part(1, 0, 3, 0, 0, 0, 1, "float32"), Part(1, 0, 3, 0, 1, 0, 1, "float32"), Hello(1), Refusal("why", True)]
ONES = np.ones(4, np.float32)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ControlServer, Token]]:
    """A master's end of calls, and what is needed to call it."""
    token = Token()
    server = ControlServer(lambda call: HeartbeatReply(7), "127.0.0.1", token)
    yield server, token
    server.shutdown()


@FUZZ
@given(message=st.sampled_from([*CALLS, *REPLIES]), seed=st.integers(0, 2**64))
def test_mutated_messages_decode_or_are_refused(message: Any, seed: int) -> None:
    """A message is one of the known types, or a DecodeError: no other exception, and no other type."""
    data = mutated(encode(message), seed)
    for decode, kinds in ((decode_call, Call), (decode_reply, Reply)):
        with contextlib.suppress(msgspec.DecodeError), deadline():
            assert isinstance(decode(data), kinds)


@FUZZ
@given(header=st.sampled_from(HEADERS), seed=st.integers(0, 2**64))
def test_mutated_headers_decode_or_are_refused(header: Any, seed: int) -> None:
    """A header that decodes is within its bounds."""
    data = mutated(encode_header(header), seed)
    for decode in (decode_part, decode_hello, decode_refusal):
        with contextlib.suppress(msgspec.DecodeError), deadline():
            decoded = decode(data)
            if isinstance(decoded, Part):
                assert 0 <= decoded.place << decoded.level < decoded.shards <= 2**20
                assert 0 <= decoded.chunk < decoded.chunks


@FUZZ
@given(call=st.sampled_from(CALLS), seed=st.integers(0, 2**64))
def test_a_master_outlives_mutated_calls(server: tuple[ControlServer, Token], call: Call, seed: int) -> None:
    """Its answer is a reply or a refusal, and the next good call is answered."""
    master, token = server
    options = fl.FlightCallOptions(timeout=30, headers=token.headers)
    client = fl.FlightClient(f"{token.scheme}://{master.address}", **token.calling())
    with client, contextlib.suppress(pa.ArrowException):
        list(client.do_action(fl.Action("call", mutated(encode(call), seed)), options))
    line = ControlClient(master.address, token, 30)
    assert line.call(Heartbeat(WORKER)) == HeartbeatReply(7)
    line.close()


@FUZZ
@given(part=st.sampled_from(HEADERS[:2]), seed=st.integers(0, 2**64), size=st.sampled_from([0, 1, 15, 16, 17]))
def test_a_sum_outlives_mutated_parts(part: Part, seed: int, size: int) -> None:
    """A stream with a mutated part ends, or the part is one of the sum; a sum of the next generation comes right."""
    reducer = Reducer()
    reducer.add(HEADERS[0], ONES)
    near, far = map(SocketConnection, socket.socketpair())
    with contextlib.closing(near), contextlib.closing(far), deadline():
        near.send(mutated(encode_header(part), seed), np.ones(size, np.uint8))
        near.finish()
        with contextlib.suppress(ConnectionLost):
            StreamHandler(reducer, far, 0.01).run()
    generation = 2**61
    for place in range(3):
        reducer.add(Part(generation, 0, 3, 0, place, 0, 1, "float32"), ONES)
    assert reducer.total(StepKey(generation, 0), 0, 1.0).tolist() == [3.0] * 4


@FUZZ
@given(seed=st.integers(0, 2**64))
def test_mutated_bytes_of_a_stream(seed: int) -> None:
    """Whatever bytes come, the reader of a stream ends with messages or with a broken connection."""
    near, far = map(SocketConnection, socket.socketpair())
    recorded = b"".join(record(encode_header(header), ONES) for header in HEADERS)
    with contextlib.closing(near), contextlib.closing(far), deadline():
        near._end.sendall(mutated(recorded, seed))
        near.finish()
        with contextlib.suppress(ConnectionLost):
            for header, values in far.messages():
                assert isinstance(header, bytes)
                assert values is None or values.dtype == np.uint8


def record(header: bytes, values: Any) -> bytes:
    """The bytes of one message on a socket."""
    near, far = socket.socketpair()
    with near, far:
        SocketConnection(near).send(header, values)
        near.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: far.recv(65536), b""))
