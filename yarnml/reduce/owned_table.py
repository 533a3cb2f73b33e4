"""A table whose rows are in other processes, its owners: a worker gets the weights that it needs for a batch."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.errors import WorkerLost
from yarnml.reduce.keyed import PLACES, first_place
from yarnml.reduce.owner_handler import Reply
from yarnml.reduce.owner_wire import (
    AskFrozen,
    AskRows,
    AskSaved,
    AskSize,
    BeginTable,
    BlockForm,
    FreezeTable,
    GoTo,
    SaveTable,
)
from yarnml.reduce.owners import Owners, Question
from yarnml.sparse.base import Part
from yarnml.sparse.block import Block
from yarnml.sparse.run import Keys, Run
from yarnml.sparse.table import KEYS

MAX_ANSWER_BYTES = 2**26
"""Of the weights, or of the rows of a model, that one request asks for."""

POLL_SECONDS = 0.05
"""Time between two questions whether a file is written."""

SILENCE_SECONDS = 60.0
"""Time after which the wait for a file ends, where an owner does not even answer that it writes."""

_SHIFT = np.uint64(64 - (PLACES - 1).bit_length())


class OwnedTable:
    """A `yarnml.sparse.base.ParameterTable` without rows of its own.

    ``min_count``: a key has a row when it has come so often.
    ``step``: of the state that it belongs to.  Owners refuse questions about rows of any other.
    """

    infinite_block = None
    size = 0

    def __init__(self, blocks: Sequence[Block], owners: Owners, min_count: int = 1) -> None:
        self.blocks = tuple(blocks)
        self.min_count = min_count
        self.step = -1
        self._owners = owners

    @property
    def width(self) -> int:
        return sum(block.width for block in self.blocks)

    def weights(self, keys: Keys, *, unknown_as_first: bool) -> dict[str, Matrix]:
        rows = np.empty((len(keys), self.width), np.float32)
        size = max(1, MAX_ANSWER_BYTES // rows.strides[0])
        for low in range(0, len(keys), size):
            self._ask_rows(keys[low : low + size], rows[low : low + size], unknown_as_first)
        ends = np.cumsum([block.width for block in self.blocks])
        return {block.name: w for block, w in zip(self.blocks, np.split(rows, ends[:-1], axis=1), strict=True)}

    def _ask_rows(self, keys: Keys, rows: Matrix, unknown_as_first: bool) -> None:
        """Lay the weights of these keys into ``rows``: each owner is asked for those that it has."""
        addresses = self._owners.addresses
        ends = [first_place(number, len(addresses)) for number in range(1, len(addresses))]
        part = np.searchsorted(ends, (keys >> _SHIFT).astype(np.int64), side="right")
        order = np.argsort(part, kind="stable")
        places = np.split(order, np.cumsum(np.bincount(part, minlength=len(addresses)))[:-1])
        request = AskRows(self.step, unknown_as_first)
        asked = {a: own for a, own in zip(addresses, places, strict=True) if len(own)}
        replies = self._owners.ask({address: Question(request, keys[own]) for address, own in asked.items()})
        for address, own in asked.items():
            rows[own] = _numbers(replies[address], np.dtype(np.float32)).reshape(len(own), self.width)

    def update(self, run: Run) -> None:
        """Go on to the next step: the owners have updated the rows before they gave the total, which has no keys."""
        assert not len(run.keys), "the owners keep the sums"
        self.step += 1

    def arrays(self) -> dict[str, Array]:
        return {}

    def restored(self, arrays: dict[str, Array]) -> "OwnedTable":
        """This table: its owners read their rows themselves."""
        return self

    def begin(self, step: int, folder: str = "", files: Mapping[str, str] | None = None) -> None:
        """Have the owners keep the table from now on: without rows, or those of a checkpoint's folder after a step.

        ``files``: those of the checkpoint that have rows, with their SHA-256.
        """
        addresses = self._owners.addresses
        forms = [BlockForm.of(block) for block in self.blocks]
        state = folder, dict(files or {}), self.min_count
        generation = self._owners.generation
        self._owners.ask(
            {
                address: Question(BeginTable(generation, step, i, len(addresses), forms, *state))
                for i, address in enumerate(addresses)
            }
        )

    def go_to(self, step: int) -> None:
        """Have all owners stand after ``step``; OwnerLost where one can't."""
        self._ask_all(GoTo(self._owners.generation, step))

    def save(self, folder: str) -> Callable[[], dict[str, str]]:
        """Have the owners begin to write their rows, as they are now.

        Returns a function, for any thread, that waits until all have; it returns file name → SHA-256.
        """
        self._ask_all(SaveTable(self.step, folder))
        owners = self._owners.elsewhere()

        def wait() -> dict[str, str]:
            with closing(owners):
                return _wait_for_files(owners, folder)

        return wait

    def trained(self) -> dict[str, Array]:
        counts = [reply.answer.rows for reply in self._ask_all(FreezeTable(self.step))]
        arrays: dict[str, Array] = {KEYS: np.empty(sum(counts), np.uint64)}
        arrays |= {block.name: np.empty((sum(counts), block.width), np.float32) for block in self.blocks}
        for name, array in arrays.items():
            size = max(1, MAX_ANSWER_BYTES // array.strides[0])
            start = 0
            for address, count in zip(self._owners.addresses, counts, strict=True):
                for low in range(0, count, size):
                    high = min(low + size, count)
                    reply = self._owners.ask({address: Question(AskFrozen(name, low, high))})[address]
                    part = _numbers(reply, array.dtype)
                    array[start + low : start + high] = part.reshape(high - low, *array.shape[1:])
                start += count
        return arrays

    def parts(self) -> list[Part]:
        return [Part(reply.answer.rows, reply.answer.nbytes, reply.answer.rare) for reply in self._ask_all(AskSize())]

    def _ask_all(self, request: AskSize | GoTo | SaveTable | FreezeTable) -> list[Reply]:
        replies = self._owners.ask({address: Question(request) for address in self._owners.addresses})
        return [replies[address] for address in self._owners.addresses]


def _numbers(reply: Reply, kind: np.dtype[np.generic]) -> Array:
    if reply.values is None:
        raise WorkerLost("An owner of the table answered without numbers.")
    return reply.values.view(np.uint8).view(kind) if reply.values.ndim == 1 else reply.values


def _wait_for_files(owners: Owners, folder: str) -> dict[str, str]:
    """Ask again and again until all owners have written their files into a folder."""
    files: dict[str, str] = {}
    waiting = list(owners.addresses)
    while waiting:
        with owners.deadline(SILENCE_SECONDS):
            replies = owners.ask({address: Question(AskSaved(folder)) for address in waiting})
        for address, reply in replies.items():
            if reply.answer.files is not None:
                files |= reply.answer.files
                waiting.remove(address)
        if waiting:
            time.sleep(POLL_SECONDS)
    return files
