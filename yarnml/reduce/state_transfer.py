"""The state of a worker for others to fetch: a newcomer, one that fell behind, one whose bits went wrong."""

import hashlib
import time
from collections.abc import Iterator
from threading import Condition
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl

from yarnml.control.credentials import Credentials
from yarnml.errors import WorkerLost
from yarnml.reduce.connections import arrow_bytes

PIECE = 16 * 2**20  # bytes of one message


class StateStore:
    """Holds the newest state that its worker published."""

    def __init__(self) -> None:
        self._published = Condition()
        self._step = -1
        self._state: bytes | bytearray = b""

    def publish(self, step: int, state: bytes | bytearray) -> None:
        with self._published:
            self._step, self._state = step, state
            self._published.notify_all()

    def wait(self, step: int, seconds: float) -> bytes | bytearray:
        """The state after ``step``; WorkerLost when it is not published in time."""
        with self._published:
            if not self._published.wait_for(lambda: self._step == step, seconds):
                raise WorkerLost(f"The state after step {step} was not published within {seconds:.0f} s.")
            return self._state


def pieces(state: bytes | bytearray) -> Iterator[tuple[pa.RecordBatch, bytes]]:
    """A state as messages; the last one carries its SHA-256."""
    view = memoryview(state)
    for at in range(0, max(len(view), 1), PIECE):
        last = at + PIECE >= len(view)
        yield arrow_bytes.batch(view[at : at + PIECE]), hashlib.sha256(view).digest() if last else b""


def fetch(address: str, step: int, credentials: Credentials, seconds: float) -> bytes:
    """The state after ``step`` from the worker at ``address``, whole; WorkerLost where it can't be had."""
    began = time.monotonic()
    try:
        with fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling()) as client:
            options = fl.FlightCallOptions(timeout=seconds, headers=credentials.headers)
            state, digest = bytearray(), b""
            for chunk in client.do_get(fl.Ticket(str(step).encode()), options):
                state += arrow_bytes.view(chunk.data)
                digest = chunk.app_metadata.to_pybytes() if chunk.app_metadata else b""
    except pa.ArrowException as exc:
        waited = time.monotonic() - began
        reason = str(exc).splitlines()[0]
        raise WorkerLost(f"The state after step {step} can't be had from {address} ({waited:.0f} s): {reason}") from exc
    if hashlib.sha256(state).digest() != digest:
        raise WorkerLost(f"The state after step {step} from {address} did not come whole.")
    return bytes(state)


class StateStream(fl.GeneratorStream):  # type: ignore[misc]
    """The answer to `fetch`."""

    def __init__(self, state: bytes | bytearray) -> None:
        super().__init__(arrow_bytes.SCHEMA, self._messages(state))

    @staticmethod
    def _messages(state: bytes | bytearray) -> Iterator[Any]:
        yield from pieces(state)
