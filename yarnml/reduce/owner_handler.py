"""The owner's end of a connection: one answer for every request, in order."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import YarnmlError
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.owner import Owner
from yarnml.reduce.owner_wire import (
    Answer,
    AskFrozen,
    AskRows,
    AskSaved,
    AskSize,
    BeginTable,
    FreezeTable,
    GoTo,
    Refused,
    Request,
    SaveTable,
    decode_request,
    encode,
)


class Reply(NamedTuple):
    """An answer, and the numbers behind it."""

    answer: Answer
    values: Array | None = None


class TableService:
    """Carries out requests about the table of this process.

    ``abort_before``: gives up the sums of generations before one, so that none of them updates the rows any more.
    """

    def __init__(self, owner: Owner, abort_before: Callable[[int], None]) -> None:
        self._owner = owner
        self._abort_before = abort_before

    def answer(self, request: Request, values: Array | None) -> Reply:
        """Carry out a request; raises the YarnmlError that keeps it from that.

        ``values``: the numbers behind it, keys.
        """
        owner = self._owner
        match request:
            case BeginTable():
                self._abort_before(request.generation)
                owner.begin(request)
            case GoTo(generation, step):
                self._abort_before(generation)
                owner.go_to(generation, step)
            case AskRows(step, unknown_as_first):
                keys = np.empty(0, np.uint64) if values is None else values.view(np.uint64)
                keys = keys if keys.flags.writeable else keys.copy()  # compiled kernels take only such arrays
                return Reply(Answer(len(keys)), owner.weights(step, keys, unknown_as_first=unknown_as_first))
            case SaveTable(step, folder):
                owner.save(step, folder)
            case AskSaved(folder):
                return Reply(Answer(files=owner.saved(folder)))
            case FreezeTable(step):
                return Reply(Answer(owner.freeze(step)))
            case AskSize():
                size = owner.size
                return Reply(Answer(size.keys, nbytes=size.nbytes, rare=size.rare))
            case AskFrozen(name, low, high):
                return Reply(Answer(), np.ascontiguousarray(owner.frozen(name, low, high)))
        return Reply(Answer())


def serve(service: TableService, connection: Connection) -> None:
    """Answer a worker's requests until it has finished; raise ConnectionLost, also for what is no request."""
    try:
        for header, values in connection.messages():
            request = decode_request(header)
            try:
                answer, numbers = service.answer(request, values)
            except YarnmlError as exc:
                connection.send(encode(Refused(type(exc).__name__, str(exc))))
            else:
                connection.send(encode(answer), None if numbers is None else numbers.reshape(-1))
    except (msgspec.DecodeError, ValueError, TypeError) as exc:
        raise ConnectionLost(f"what came is no question about a table: {exc}") from exc
