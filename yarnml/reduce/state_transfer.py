"""A worker's state for others to fetch: a newcomer, a worker that fell behind, one whose bits went wrong.

Beside it are the residuals of its shards (`yarnml.worker.residuals`), by names of their own.
"""

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

STATE = "state"
"""The name of the state itself."""


class StateStore:
    """Holds the newest of each thing that its worker published, by name."""

    def __init__(self) -> None:
        self._published = Condition()
        self._newest: dict[str, tuple[int, bytes | bytearray]] = {}

    def publish(self, step: int, state: bytes | bytearray, name: str = STATE) -> None:
        """Replace a state by the one after ``step``, and wake those that wait for it."""
        with self._published:
            self._newest[name] = step, state
            self._published.notify_all()

    def wait(self, step: int, seconds: float, name: str = STATE) -> bytes | bytearray:
        """Return the state after ``step``; WorkerLost when it is not published in time."""

        def is_there() -> bool:
            return name in self._newest and self._newest[name][0] == step

        with self._published:
            if not self._published.wait_for(is_there, seconds):
                raise WorkerLost(f"The {name} after step {step} was not published within {seconds:.0f} s.")
            return self._newest[name][1]

    def answer(self, ticket: bytes, seconds: float) -> bytes | bytearray:
        """Return what the ticket of a `fetch` asks for, as `wait` does."""
        name, _, step = ticket.decode().rpartition(" ")
        return self.wait(int(step), seconds, name)


def messages(state: bytes | bytearray) -> Iterator[tuple[pa.RecordBatch, bytes]]:
    """A state cut into messages, each a batch and its metadata; the last one's metadata is the state's SHA-256."""
    view = memoryview(state)
    for start in range(0, max(len(view), 1), MESSAGE_BYTES):
        is_last = start + MESSAGE_BYTES >= len(view)
        digest = hashlib.sha256(view).digest() if is_last else b""
        yield arrow_bytes.batch(view[start : start + MESSAGE_BYTES]), digest


def fetch(address: str, step: int, credentials: Credentials, seconds: float, name: str = STATE) -> bytes:
    """Get the state after ``step``, whole, from the worker at ``address``; WorkerLost where it can't be had."""
    began = time.monotonic()
    state = bytearray()
    digest = b""
    try:
        with fl.FlightClient(f"{credentials.scheme}://{address}", **credentials.calling()) as client:
            options = fl.FlightCallOptions(timeout=seconds, headers=credentials.headers)
            for chunk in client.do_get(fl.Ticket(f"{name} {step}".encode()), options):
                state += arrow_bytes.view(chunk.data)
                digest = chunk.app_metadata.to_pybytes() if chunk.app_metadata else b""
    except pa.ArrowException as exc:
        waited = time.monotonic() - began
        reason = str(exc).splitlines()[0]
        raise WorkerLost(
            f"The {name} after step {step} can't be had from {address} ({waited:.0f} s): {reason}"
        ) from exc
    if hashlib.sha256(state).digest() != digest:
        raise WorkerLost(f"The {name} after step {step} from {address} did not come whole.")
    return bytes(state)


class StateStream(fl.GeneratorStream):  # type: ignore[misc]
    """The server's answer to `fetch`."""

    def __init__(self, state: bytes | bytearray) -> None:
        super().__init__(arrow_bytes.SCHEMA, self._messages(state))

    @staticmethod
    def _messages(state: bytes | bytearray) -> Iterator[Any]:
        yield from messages(state)
