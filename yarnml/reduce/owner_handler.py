"""The end of a connection at a process that keeps parts of a table: one answer for every request, in order."""

from collections.abc import Callable
from contextlib import closing

import msgspec
import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import YarnmlError
from yarnml.reduce.connections.base import Connection, ConnectionLost
from yarnml.reduce.frozen import read_frozen
from yarnml.reduce.keyed import run_of
from yarnml.reduce.owner import Owner
from yarnml.reduce.owner_wire import (
    Answer,
    ArrayForm,
    AskDigest,
    AskFrozen,
    AskParts,
    AskRows,
    AskSaved,
    AskSize,
    BeginTable,
    FollowUpdate,
    FreezeTable,
    GoTo,
    KeepParts,
    Refused,
    Reply,
    Request,
    SaveTable,
    SetRows,
    decode_request,
    encode,
)
from yarnml.reduce.owners import Connect, Owners
from yarnml.reduce.push_wire import BeginRound, FollowPush, Pull, Push, TakeTask
from yarnml.reduce.pushes import Pushes
from yarnml.reduce.streams import Traffic
from yarnml.sparse.run import widened


class TableService:
    """Carries out requests about the parts that this process keeps.

    ``abort_before``: gives up the sums of generations before one, so that none of them updates the rows any more.
    ``connect``: to other processes, whose rows are copied.
    """

    def __init__(self, owner: Owner, abort_before: Callable[[int], None], connect: Connect) -> None:
        self._owner = owner
        self._pushes = Pushes(owner.kept, owner.forward)
        self._abort_before = abort_before
        self._connect = connect

    def answer(self, request: Request, values: Array | None) -> Reply:
        """Carry out a request; raises the YarnmlError that keeps it from that.

        ``values``: the numbers behind it, keys or a run.
        """
        owner = self._owner
        match request:
            case BeginTable():
                self._abort_before(request.generation)
                owner.begin(request, self._copied(request) if request.source else None)
            case AskParts(generation, training):
                self._abort_before(generation)
                return Reply(Answer(parts=owner.parts(generation, training)))
            case GoTo(generation, step, number):
                self._abort_before(generation)
                owner.go_to(generation, step, number)
            case KeepParts(followers):
                owner.keep(followers)
            case FollowUpdate():
                owner.follow(request, run_of(_bytes(values), request.keys, request.width))
            case SetRows(generation, step, number):
                owner.set_rows(generation, step, number, run_of(_bytes(values), request.keys, request.width))
            case BeginRound():
                return Reply(Answer(), self._pushes.begin(request, _bytes(values)))
            case TakeTask():
                task, numbers = self._pushes.take(request)
                return Reply(Answer(task=task), numbers)
            case Pull():
                pushed, weights = self._pushes.pull(request, widened(_bytes(values), request.keys))
                return Reply(Answer(pushed=pushed), weights)
            case Push():
                self._pushes.push(request, _bytes(values))
            case FollowPush():
                self._pushes.follow(request, _bytes(values))
            case AskRows(step, number, unknown_as_first, count):
                keys = widened(_bytes(values), count)
                return Reply(Answer(), owner.weights(step, number, keys, unknown_as_first=unknown_as_first))
            case AskDigest(step, number):
                return Reply(Answer(digest=owner.digest(step, number)))
            case SaveTable(step, number, folder, updates, before):
                owner.save(step, number, folder, updates, before)
            case AskSaved(number, folder):
                return Reply(Answer(files=owner.saved(number, folder)))
            case AskSize(number):
                size = owner.size(number)
                return Reply(Answer(*size))
            case FreezeTable(step, number, whole):
                arrays = owner.freeze(step, number, whole=whole)
                return Reply(Answer(forms={name: ArrayForm(a.dtype.name, [*a.shape]) for name, a in arrays.items()}))
            case AskFrozen(number, name, low, high):
                return Reply(Answer(), np.ascontiguousarray(owner.frozen(number, name, low, high)))
        return Reply(Answer())

    def _copied(self, begin: BeginTable) -> dict[str, Array]:
        """The rows of a part that another process keeps."""
        with closing(Owners(self._connect, Traffic(), Traffic())) as owners:
            owners.generation = begin.generation
            return read_frozen(owners, begin.source, FreezeTable(begin.step, begin.number, whole=True))


def _bytes(values: Array | None) -> Array:
    """The numbers behind a request, as bytes."""
    return np.empty(0, np.uint8) if values is None else np.ascontiguousarray(values).reshape(-1).view(np.uint8)


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
