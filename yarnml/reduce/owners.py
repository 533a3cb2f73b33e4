"""The way to processes that keep the parts of a table: requests to all of them at once, and their answers."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from yarnml.control.holders import Holders
from yarnml.data.arrays import Array
from yarnml.errors import WorkerLost, YarnmlError, named
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.owner_wire import Answer, Refused, Reply, Request, decode_answer, encode
from yarnml.reduce.reducer import StepAborted
from yarnml.reduce.streams import Traffic

Connect = Callable[[str], Connection]
"""Address → a new connection to the tables there; raises WorkerLost."""

AnswerHere = Callable[[Request, Array | None], Reply]
"""Answers a request to this process, with the numbers behind it; raises the YarnmlError that keeps it from that."""


class Question(NamedTuple):
    """A request, and the numbers behind it."""

    request: Request
    values: Array | None = None


class Owners:
    """The connections of one thread to owners; they are opened when they are first used.

    Another thread may call `abort_before` alone.  ``parts``: of the table, and who keeps them.
    ``generation``: of the command that questions are asked for.

    Args:
        local: by address, what answers without a connection.
        sent, received: count the messages with numbers, and their bytes.
    """

    def __init__(
        self, connect: Connect, sent: Traffic, received: Traffic, local: Mapping[str, AnswerHere] | None = None
    ) -> None:
        self.parts: Sequence[Holders] = ()
        self.generation = 0
        self._local = dict(local or {})
        self._connect = connect
        self._sent = sent
        self._received = received
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self._is_waiting = False
        self._is_interrupted = False
        self._aborted_before = 0

    def elsewhere(self) -> "Owners":
        """A way to the same owners for another thread, with connections of its own."""
        other = Owners(self._connect, Traffic(), Traffic(), self._local)
        other.parts = self.parts
        other.generation = self.generation
        return other

    def ask(self, questions: Sequence[tuple[str, Question]]) -> list[Reply]:
        """Ask the process at each address its question; return the answers.

        Of several questions to one process, each is asked when the one before is answered: two ends that only send
        would block each other.

        Raises the YarnmlError of one that refuses, WorkerLost where one is gone, StepAborted where it was given up.
        """
        try:
            with self._lock:
                self._is_waiting = True
            replies: dict[int, Reply] = {}
            while len(replies) < len(questions):
                first: dict[str, int] = {}
                for number, (address, _) in enumerate(questions):
                    if number not in replies:
                        first.setdefault(address, number)
                answers = self._ask_each({address: questions[number][1] for address, number in first.items()})
                replies |= {number: answers[address] for address, number in first.items()}
            return [replies[number] for number in range(len(questions))]
        except ConnectionLost as exc:
            self.close()  # answers may be on their way that nobody waits for
            if self._is_aborted:
                raise StepAborted("A question about a table was given up.") from exc
            raise WorkerLost(f"An owner of the table is gone: {exc}") from exc
        finally:
            with self._lock:
                self._is_waiting = False
                is_interrupted = self._is_interrupted
                self._is_interrupted = False
            if is_interrupted:
                self.close()  # also where the last answer had come before

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Give up the questions of this block when they take so long; those of another thread need it."""
        timer = threading.Timer(seconds, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        with self._lock:
            self._interrupt()

    def _interrupt(self) -> None:
        """Wake the thread that waits for answers, if there is one; under the lock."""
        if self._is_waiting:
            self._is_interrupted = True
            for connection in self._connections.values():
                connection.abort()

    def _ask_each(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        """Ask each of these processes one question."""
        remote = [address for address in questions if address not in self._local]
        streams = {address: self._connection(address) for address in remote}
        for address in remote:
            request, values = questions[address]
            if values is not None:
                self._sent.add(values)
            streams[address].send(encode(request), values)
        replies = {}
        errors: list[YarnmlError] = []
        for address in self._local.keys() & questions.keys():
            try:
                replies[address] = self._local[address](*questions[address])
            except YarnmlError as exc:
                errors.append(exc)  # the answers of the others must be read all the same
        for address in remote:
            header, values = next(streams[address].messages(), (b"", None))
            if not header:
                raise ConnectionLost(f"{address} closed the connection")
            answer = _decoded(header)
            if isinstance(answer, Refused):
                errors.append(named(answer.error)(answer.text))
                continue
            if values is not None:
                self._received.add(values)
            replies[address] = Reply(answer, values)
        if errors:
            raise errors[0]
        return replies

    def _connection(self, address: str) -> Connection:
        connection = self._connections.get(address)
        if connection is None:
            connection = self._connect(address)
            with self._lock:
                self._connections[address] = connection
        if self._is_aborted:
            raise ConnectionLost("it was given up")
        return connection

    @property
    def _is_aborted(self) -> bool:
        return self.generation < self._aborted_before

    def abort_before(self, generation: int) -> None:
        """End the wait for answers to questions of generations before this one."""
        with self._lock:
            self._aborted_before = max(self._aborted_before, generation)
            if self._is_aborted:
                self._interrupt()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            connections = list(self._connections.values())
            self._connections = {}
        for connection in connections:
            connection.abort()
            connection.close()


def _decoded(header: bytes) -> Answer | Refused:
    try:
        return decode_answer(header)
    except msgspec.DecodeError as exc:
        raise ConnectionLost(f"what came is no answer about a table: {exc}") from exc
