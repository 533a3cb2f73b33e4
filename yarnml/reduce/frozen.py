"""Arrays of a part of a table, read from the process that keeps it, piece by piece."""

from collections.abc import Iterator

import numpy as np

from yarnml.data.arrays import Array
from yarnml.errors import WorkerLost
from yarnml.reduce.owner_wire import ArrayForm, AskFrozen, FreezeTable, Reply
from yarnml.reduce.owners import Owners, Question

MAX_ANSWER_BYTES = 2**26
"""Of the numbers that one request asks for."""


def read_frozen(owners: Owners, address: str, freeze: FreezeTable) -> dict[str, Array]:
    """All arrays of a part, by name."""
    forms = owners.ask([(address, Question(freeze))])[0].answer.forms
    arrays: dict[str, Array] = {}
    for name, form in forms.items():
        pieces = list(frozen_pieces(owners, address, freeze.number, name, form))
        arrays[name] = np.concatenate(pieces) if pieces else np.empty(form.shape, form.dtype)
    return arrays


def frozen_pieces(owners: Owners, address: str, number: int, name: str, form: ArrayForm) -> Iterator[Array]:
    """Rows of an array that is ready at a process, one piece behind the other.

    ``number``: of the part that it belongs to.
    """
    rows, *rest = form.shape
    kind = np.dtype(form.dtype)
    size = max(1, MAX_ANSWER_BYTES // (kind.itemsize * int(np.prod(rest, dtype=int))))
    for low in range(0, rows, size):
        high = min(low + size, rows)
        reply = owners.ask([(address, Question(AskFrozen(number, name, low, high)))])[0]
        yield numbers_of(reply, kind).reshape(high - low, *rest)


def numbers_of(reply: Reply, kind: np.dtype[np.generic]) -> Array:
    """The numbers behind an answer, of this type.  Raises WorkerLost where there are none."""
    if reply.values is None:
        raise WorkerLost("A process that keeps a table answered without numbers.")
    return np.ascontiguousarray(reply.values).reshape(-1).view(np.uint8).view(kind)
