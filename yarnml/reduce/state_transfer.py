"""A worker's state for others to fetch: a newcomer, a worker that fell behind, one whose bits went wrong."""

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

MESSAGE_BYTES = 16 * 2**20


class StateStore:
    """Holds the newest state that its worker published."""

    def __init__(self) -> None:
        self._published = Condition()
        self._step = -1
        self._state: bytes | bytearray = b""

    def publish(self, step: int, state: bytes | bytearray) -> None:
        """Replace the state by the one after ``step``, and wake those that wait for it."""
        with self._published:
            self._step = step
            self._state = state
            self._published.notify_all()

    def wait(self, step: int, seconds: float) -> bytes | bytearray:
        """Return the state after ``step``; WorkerLost when it is not published in time."""
        with self._published:
            if not self._published.wait_for(lambda: self._step == step, seconds):
                raise WorkerLost(f"The state after step {step} was not published within {seconds:.0f} s.")
            return self._state


def messages(state: bytes | bytearray) -> Iterator[tuple[pa.RecordBatch, bytes]]:
    """A state cut into messages, each a batch and its metadata; the last one's metadata is the state's SHA-256."""
    view = memoryview(state)
    for start in range(0, max(len(view), 1), MESSAGE_BYTES):
        is_last = start + MESSAGE_BYTES >= len(view)
        digest = hashlib.sha256(view).digest() if is_last else b""
        yield arrow_bytes.batch(view[start : start + MESSAGE_BYTES]), digest


def fetch(address: str, step: int, credentials: Credentials, seconds: float) -> bytes:
    """Get the state after ``step``, whole, from the worker at ``address``; WorkerLost where it can't be had."""
    began = time.monotonic()
    state = bytearray()
    digest = b""
    try:
        with fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling()) as client:
            options = fl.FlightCallOptions(timeout=seconds, headers=credentials.headers)
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
    """The server's answer to `fetch`."""

    def __init__(self, state: bytes | bytearray) -> None:
        super().__init__(arrow_bytes.SCHEMA, self._messages(state))

    @staticmethod
    def _messages(state: bytes | bytearray) -> Iterator[Any]:
        yield from messages(state)
