"""Messages that no process of a job sends: refused before they cost memory or time, and a sum stays what it is."""

import contextlib
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from yarnml.control.credentials import Token
from yarnml.reduce.connections import sockets
from yarnml.reduce.connections.base import ConnectionLost
from yarnml.reduce.connections.sockets import MAX_HEADER_BYTES, MAX_VECTOR_BYTES, UNSEEN_BYTES, SocketConnection
from yarnml.reduce.handler import StreamHandler
from yarnml.reduce.reducer import Reducer, StepKey
from yarnml.reduce.wire import Part, decode_part, decode_refusal

ONES = np.ones(4, np.float32)


def header(**fields: Any) -> bytes:
    """A part's header with other fields, as its bytes."""
    good = {
        "generation": 1,
        "step": 0,
        "shards": 3,
        "level": 0,
        "place": 0,
        "chunk": 0,
        "chunks": 1,
        "dtype": "float32",
    }
    return msgspec.msgpack.encode(list((good | fields).values()))


@pytest.mark.parametrize(
    "fields",
    [
        {"shards": 2**40},
        {"shards": 0},
        {"shards": -1},
        {"level": -1},
        {"level": 1000},
        {"place": -5},
        {"place": 3},
        {"level": 1, "place": 2},
        {"chunk": 1},
        {"chunk": -1},
        {"chunks": 0},
        {"generation": -1},
        {"step": 2**63},
        {"dtype": "O"},
        {"dtype": "float32\n"},
        {"dtype": 5},
    ],
)
def test_a_header_out_of_bounds(fields: dict[str, Any]) -> None:
    """It is refused where it is decoded, so nobody counts up to it or makes memory for it."""
    assert decode_part(header()) == Part(1, 0, 3, 0, 0, 0, 1, "float32")
    with pytest.raises(msgspec.ValidationError):
        decode_part(header(**fields))


@contextlib.contextmanager
def ends() -> Iterator[tuple[SocketConnection, SocketConnection]]:
    near, far = map(SocketConnection, socket.socketpair())
    with contextlib.closing(near), contextlib.closing(far):
        yield near, far


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (MAX_HEADER_BYTES + 1, 0), (1, MAX_VECTOR_BYTES + 1), (1, 2**63)])
def test_a_length_out_of_bounds(lengths: tuple[int, int]) -> None:
    """A message that says it is larger than any is refused."""
    with ends() as (near, far):
        near._end.sendall(sockets._LENGTHS.pack(*lengths))
        with pytest.raises(ConnectionLost, match="no message of this job"):
            list(far.messages())


def test_a_length_that_is_said_alone() -> None:
    """A message that says it is huge gets no memory for what has not come."""
    tracemalloc.start()
    with ends() as (near, far):
        near._end.sendall(sockets._LENGTHS.pack(1, MAX_VECTOR_BYTES) + bytes(100))
        near.finish()
        with pytest.raises(ConnectionLost, match="within a message"):
            list(far.messages())
    assert tracemalloc.get_traced_memory()[1] < 2 * UNSEEN_BYTES
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("hostile", "values"),
    [
        (b"", ONES),
        (b"\xc1", ONES),
        (header(shards=2**40), ONES),
        (header(shards=2), ONES),
        (header(place=1), ONES[:2]),
        (header(place=1, dtype="float64"), ONES),
        (header(place=1), None),
        (header(place=1), np.ones(3, np.uint8)),
    ],
)
def test_a_part_that_fits_no_sum_ends_its_stream_alone(hostile: bytes, values: Any) -> None:
    """Its stream breaks with a reason; the sum that others take part in comes as if nothing had been."""
    reducer = Reducer()
    reducer.add(decode_part(header()), ONES)
    with ends() as (near, far):
        near.send(hostile, values)
        with pytest.raises(ConnectionLost, match="no part of a sum"):
            StreamHandler(reducer, far, 1.0).run()
    for place in (1, 2):
        reducer.add(decode_part(header(place=place)), ONES)
    assert reducer.total(StepKey(1, 0), 0, 1.0).tolist() == [3.0] * 4


def test_a_total_that_can_t_be_sent_ends_the_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps a reducer from it, the worker is told."""
    reducer = Reducer()

    def fail(*arguments: object) -> None:
        raise MemoryError("no room for a total")

    monkeypatch.setattr(reducer, "total", fail)
    with ends() as (near, far):
        serving = threading.Thread(target=StreamHandler(reducer, far, 1.0).run)
        serving.start()
        near.send(header(), ONES)
        answer, values = next(near.messages())
        assert values is None
        assert decode_refusal(answer).reason == "MemoryError: no room for a total"
        near.finish()
        serving.join()


LACKS_DESCRIPTORS = """
import os, resource, socket, threading
from yarnml.reduce.connections import sockets
from yarnml.reduce.connections.sockets import Listener

token = Token("secret of the test")
served = threading.Event()
listener = Listener("/a", token, lambda connection, hello: served.set())
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
caller = socket.socket(socket.AF_UNIX)
lowest_free = os.dup(0)
os.close(lowest_free)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
assert sockets.connect("/a", b"hello", token) is None
caller.connect(sockets._name("/a", token))
assert not served.wait(3 * sockets.ACCEPT_PAUSE_SECONDS)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
caller.close()
connection = sockets.connect("/a", b"hello", token)
assert connection is not None
assert served.wait(30)
connection.close()
listener.close()
"""


def test_a_lack_of_descriptors_passes() -> None:
    """A process that has as many files open as it may is deaf for that time, not for good."""
    code = f"from {Token.__module__} import Token{LACKS_DESCRIPTORS}"  # a process of its own: pytest needs files, too
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
