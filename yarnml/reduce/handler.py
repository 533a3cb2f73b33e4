"""The reducer's end of a connection: parts go in as they come, totals go back."""

import contextlib
import queue
import threading

from yarnml.errors import WorkerLost
from yarnml.reduce.connections.base import Broken, Connection
from yarnml.reduce.reducer import StepAborted, StepExpired, StepKey, Sums
from yarnml.reduce.tree import root
from yarnml.reduce.wire import Part, Refusal, decode_part, encode


class StreamHandler:
    """One worker's parts and totals.  ``timeout``: seconds that a total may take."""

    def __init__(self, reducer: Sums, connection: Connection, timeout: float) -> None:
        self._reducer, self._connection, self._timeout = reducer, connection, timeout
        self._asked: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        self._left = threading.Event()

    def run(self) -> None:
        """Until the worker has finished; raises Broken where its connection does, or what is wrong with a message."""
        sender = threading.Thread(target=self._answer, name="totals", daemon=True)
        sender.start()
        newest = StepKey(-1, -1)
        try:
            for header, values in self._connection.messages():
                part = decode_part(header)
                assert values is not None
                if (key := StepKey(part.generation, part.step)) > newest:
                    newest = key
                    self._asked.put(part)
                self._reducer.add(part, values.view(part.dtype))
        finally:
            self._asked.put(None)
            self._left.set()
            sender.join()  # it must not send on a connection that is gone

    def _answer(self) -> None:
        """Send every total of the steps that this worker takes part in, in order; where that fails, the reason."""
        with contextlib.suppress(Broken):
            try:
                while (part := self._asked.get()) is not None:
                    with contextlib.suppress(StepAborted):  # nobody waits for it any more; the connection goes on
                        self._answer_step(part)
            except WorkerLost as exc:
                self._connection.send(encode(Refusal(str(exc), isinstance(exc, StepExpired))))

    def _answer_step(self, part: Part) -> None:
        key = StepKey(part.generation, part.step)
        for chunk in range(part.chunks):
            total = self._reducer.total(key, chunk, self._timeout, self._left)
            header = Part(
                part.generation, part.step, part.shards, *root(part.shards), chunk, part.chunks, total.dtype.name
            )
            self._connection.send(encode(header), total)
