"""The reducer's end of a connection: parts go in as they come, totals go back."""

import contextlib
import queue
import threading

import msgspec

from yarnml.errors import WorkerLost, kind_and_line
from yarnml.reduce.aggregator import Aggregator
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.keyed import bytes_of
from yarnml.reduce.reducer import StepAborted, StepExpired, StepKey
from yarnml.reduce.tree import Chunk, Vector, root
from yarnml.reduce.wire import Part, Refusal, chunk_of, decode_part, encode, header_of


class StreamHandler:
    """Takes in one worker's parts on one thread and sends it the totals on another.

    ``timeout``: seconds that a total may take.
    """

    def __init__(self, aggregator: Aggregator, connection: Connection, timeout: float) -> None:
        self._aggregator = aggregator
        self._connection = connection
        self._timeout = timeout
        # The first part of each step, which asks for the step's totals; None ends the sending thread.
        self._requests: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        self._disconnected = threading.Event()

    def run(self) -> None:
        """Serve until the worker has finished; raise ConnectionLost, also for what is no message of a worker."""
        sender = threading.Thread(target=self._send_totals, name="totals", daemon=True)
        sender.start()
        asked = AskedSteps()
        try:
            for header, values in self._connection.messages():
                part, chunk = _decoded(header, values)
                if asked.is_new(part):
                    self._requests.put(part)
                self._aggregator.add(part, chunk)
        except (msgspec.DecodeError, ValueError, TypeError) as exc:
            raise ConnectionLost(f"what came is no part of a sum: {exc}") from exc
        finally:
            self._requests.put(None)
            self._disconnected.set()
            sender.join()  # it must not send on a connection that is gone

    def _send_totals(self) -> None:
        """Send the totals of every step that this worker takes part in, in order; where that fails, the reason."""
        with contextlib.suppress(ConnectionLost):
            try:
                while (part := self._requests.get()) is not None:
                    # After an aborted step nobody waits for its totals; the connection serves the next generation.
                    with contextlib.suppress(StepAborted):
                        self._send_step(part)
            except ConnectionLost:
                raise
            except Exception as exc:  # whatever it was, the worker's wait for its totals must end
                reason = str(exc) if isinstance(exc, WorkerLost) else kind_and_line(exc)
                self._connection.send(encode(Refusal(reason, isinstance(exc, StepExpired))))

    def _send_step(self, part: Part) -> None:
        key = StepKey(part.generation, part.step)
        for chunk in range(part.chunks):
            total = self._aggregator.total(key, chunk, self._timeout, self._disconnected)
            node = root(part.shards)
            header = Part(part.generation, part.step, part.shards, *node, chunk, part.chunks, delay=part.delay)
            self._connection.send(encode(header_of(header, total)), bytes_of(total))


class AskedSteps:
    """The steps whose totals were asked for on one stream: the first part of a step asks for them.

    Steps come in order, but for those that a delay lets be on their way at the same time: a relay may have parts of the
    later one first.
    """

    def __init__(self) -> None:
        self._newest = StepKey(-1, -1)
        self._asked: set[StepKey] = set()

    def is_new(self, part: Part) -> bool:
        """Tell whether a part is the first of its step, and whether that may still be under way; take note of it."""
        key = StepKey(part.generation, part.step)
        self._newest = max(self._newest, key)
        oldest = self._newest._replace(step=self._newest.step - part.delay)
        if key < oldest or key in self._asked:
            return False
        self._asked = {k for k in self._asked if k >= oldest} | {key}
        return True


def _decoded(header: bytes, values: Vector | None) -> tuple[Part, Chunk]:
    part = decode_part(header)
    if values is None:
        raise ValueError("a part without numbers")
    return part, chunk_of(part, values)
