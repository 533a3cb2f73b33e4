"""A reducer on the network: what workers send goes in, totals go back on the same streams."""

import contextlib
import queue
import threading
from typing import Any

import pyarrow as pa
import pyarrow.flight as fl

from yarnml.errors import WorkerLost
from yarnml.parts import Part, Refusal
from yarnml.reducer import GivenUp, Reducer, StepKey, TooLate
from yarnml.transport import raw
from yarnml.transport.peers import Shelf, StateStream
from yarnml.transport.security import Credentials
from yarnml.transport.wire import decode_hello, decode_part, encode

FETCH_SECONDS = 60.0  # for the state of another worker to be published


class ReducerServer(fl.FlightServerBase):  # type: ignore[misc]
    """Puts a `Reducer` on the network, and the state that a worker published; ``address`` is where it listens."""

    def __init__(self, reducer: Reducer, host: str, credentials: Credentials, timeout: float) -> None:
        self._reducer, self._timeout, self.shelf = reducer, timeout, Shelf()
        super().__init__(f"{credentials.scheme}://{host}:0", **credentials.serving())
        self.address = f"{host}:{self.port}"

    def do_get(self, context: Any, ticket: Any) -> Any:
        return StateStream(self.shelf.wait(int(ticket.ticket), FETCH_SECONDS))

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        decode_hello(descriptor.command)
        writer.begin(raw.SCHEMA)
        asked: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        left = threading.Event()
        sender = threading.Thread(target=self._answer, args=(asked, writer, left), name="totals", daemon=True)
        sender.start()
        newest = StepKey(-1, -1)
        try:
            for batch, metadata in raw.chunks(reader):
                part = decode_part(metadata)
                assert batch is not None
                if (key := StepKey(part.meeting, part.step)) > newest:
                    newest = key
                    asked.put(part)
                self._reducer.add(part, raw.values(batch, part.dtype))
        finally:
            asked.put(None)
            left.set()
            sender.join()  # it must not write to a stream that is gone

    def _answer(self, asked: "queue.SimpleQueue[Part | None]", writer: Any, left: threading.Event) -> None:
        """Send every total of the steps that this worker takes part in, in order; where that fails, the reason."""
        with contextlib.suppress(pa.ArrowException):
            try:
                while (part := asked.get()) is not None:
                    with contextlib.suppress(GivenUp):  # nobody waits for it any more; the stream goes on
                        self._answer_step(part, writer, left)
            except WorkerLost as exc:
                writer.write_metadata(encode(Refusal(str(exc), isinstance(exc, TooLate))))

    def _answer_step(self, part: Part, writer: Any, left: threading.Event) -> None:
        key = StepKey(part.meeting, part.step)
        for chunk in range(part.chunks):
            total = self._reducer.total(key, chunk, self._timeout, left)
            header = Part(part.meeting, part.step, part.shards, 0, 0, chunk, part.chunks, part.dtype)
            writer.write_with_metadata(raw.batch(total), encode(header))
