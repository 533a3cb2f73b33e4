"""A table whose rows are in other processes, its owners: a worker gets the weights that it needs for a batch."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from copy import copy

import msgspec
import numpy as np

from yarnml.control.holders import KeptPart, TableFiles
from yarnml.data.arrays import Array, Matrix
from yarnml.reduce.asked_rows import ask_rows, by_block
from yarnml.reduce.block_form import BlockForm
from yarnml.reduce.frozen import frozen_pieces
from yarnml.reduce.keyed import bytes_of, first_key
from yarnml.reduce.owner_wire import (
    AskDigest,
    AskParts,
    AskRows,
    AskSaved,
    AskSize,
    BeginTable,
    FreezeTable,
    GoTo,
    KeepParts,
    Reply,
    Request,
    SaveTable,
    SetRows,
)
from yarnml.reduce.owners import Owners, Question
from yarnml.sparse.base import Part
from yarnml.sparse.block import Block
from yarnml.sparse.policy import ALL_KEYS, KeyPolicy
from yarnml.sparse.run import Keys, Run
from yarnml.storage.tensors import Packed

MAX_ANSWER_BYTES = 2**26
"""Of the weights that one request asks for."""

POLL_SECONDS = 0.05
"""Time between two questions whether a file is written."""

SILENCE_SECONDS = 60.0
"""Time after which the wait for a file ends, where an owner does not even answer that it writes."""


class OwnedTable:
    """A `yarnml.sparse.base.ParameterTable` without rows of its own.

    ``policy``: which keys have rows.  ``delay``: how many updates before the newest one its rows are still asked for.
    ``step``: of the state that it belongs to; its rows are those after it.
    """

    infinite_block = None
    size = 0
    digest = 0

    def __init__(self, blocks: Sequence[Block], owners: Owners, policy: KeyPolicy = ALL_KEYS, delay: int = 0) -> None:
        self.blocks = tuple(blocks)
        self.policy = policy
        self._delay = delay
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
        return by_block(self.blocks, rows)

    def before(self, updates: int) -> "OwnedTable":
        older = copy(self)
        older.step -= updates
        return older

    def forget(self) -> None:
        """Do nothing: owners may have to go back to steps before those that are read."""

    def _ask_rows(self, keys: Keys, rows: Matrix, unknown_as_first: bool) -> None:
        """Lay the weights of these keys into ``rows``: each owner is asked for those that it has."""
        ask_rows(self._owners, keys, rows, lambda number, count: AskRows(self.step, number, unknown_as_first, count))

    def update(self, run: Run) -> None:
        """Go on to the next step: the owners have updated the rows before they gave the total, which has no keys."""
        assert not len(run.keys), "the owners keep the sums"
        self.step += 1

    def arrays(self) -> dict[str, Array]:
        return {}

    def restored(self, arrays: dict[str, Array]) -> "OwnedTable":
        """This table: its owners read their rows themselves."""
        return self

    def begin(self, training: str, step: int, layers: Sequence[TableFiles] = ()) -> None:
        """Have the owners keep the table from now on: without rows, or those of a checkpoint after a step.

        ``training``: its folder.
        ``layers``: the files that have its rows.
        """
        self._owners.ask(
            [
                (address, Question(msgspec.structs.replace(begin, layers=[*layers])))
                for address, begin in self._beginnings(training, step)
            ]
        )

    def set_rows(self, step: int, run: Run) -> None:
        """Have the owners and followers hold these rows, all of a table with one block, as they are after a step.

        ``run``: these, and side by side with them those before each of the newest updates, as many as are still read.
        """
        parts = self._owners.parts
        questions = []
        for number, part in enumerate(parts):
            own = run.between(first_key(number, len(parts)), first_key(number + 1, len(parts)))
            request = SetRows(self._owners.generation, step, number, len(own.keys), own.width)
            questions += [(address, Question(request, bytes_of(own))) for address in part.addresses]
        self._owners.ask(questions)

    def resume(self, training: str, step: int, kept: Sequence[Sequence[str]]) -> None:
        """Have the parts where they shall be from now on, as they are after a step; OwnerLost where that can't be.

        ``kept``: for each part, the processes that have its rows after this step or the next.
        """
        generation = self._owners.generation
        holders = [part.addresses for part in self._owners.parts]
        going = [
            (address, Question(GoTo(generation, step, number)))
            for number, keepers in enumerate(kept)
            for address in keepers
            if address in holders[number] or address == keepers[0]
        ]
        self._owners.ask(going)
        self._owners.ask(
            [
                (address, Question(msgspec.structs.replace(begin, source=kept[begin.number][0])))
                for address, begin in self._beginnings(training, step)
                if address not in kept[begin.number]
            ]
        )
        followers: dict[str, dict[int, str]] = {address: {} for address, _ in going}
        for number, part in enumerate(self._owners.parts):
            for address in part.addresses:
                followers.setdefault(address, {})[number] = part.follower if address == part.owner else ""
        self._owners.ask([(address, Question(KeepParts(own))) for address, own in followers.items()])

    def _beginnings(self, training: str, step: int) -> Iterator[tuple[str, BeginTable]]:
        """The way in which each process begins with each of its parts."""
        forms = [BlockForm.of(block) for block in self.blocks]
        parts = self._owners.parts
        for number, part in enumerate(parts):
            remembered = 2 * self._delay + 1  # as far as it goes back, it is read as far before
            form = (self._owners.generation, training, step, number, len(parts), forms, self.policy, remembered)
            yield part.owner, BeginTable(*form, follower=part.follower)
            if part.follower:
                yield part.follower, BeginTable(*form)

    def differing(self) -> str:
        """A sentence about a part of which owner and follower have different rows; empty where there is none."""
        if not any(part.follower for part in self._owners.parts):
            return ""
        keepers = [(n, address) for n, part in enumerate(self._owners.parts) for address in part.addresses]
        replies = self._owners.ask([(address, Question(AskDigest(self.step, n))) for n, address in keepers])
        owners: dict[int, tuple[str, int]] = {}
        for (number, address), reply in zip(keepers, replies, strict=True):
            owner, digest = owners.setdefault(number, (address, reply.answer.digest))
            if digest != reply.answer.digest:
                return f"After step {self.step} part {number} of the table differs between {owner} and {address}"
        return ""

    def save(self, folder: str, updates: int | None = None, before: int = 0) -> Callable[[], dict[str, str]]:
        """Have the owners begin to write their rows, as they are now.

        ``updates``: only those that so many of the newest ones have touched.
        ``before``: so many of the newest updates they are also written as they were.
        Returns a function, for any thread, that waits until all have; it returns file name → SHA-256.
        """
        self._ask_owners(lambda number: SaveTable(self.step, number, folder, updates, before))
        owners = self._owners.elsewhere()

        def wait() -> dict[str, str]:
            with closing(owners):
                return _wait_for_files(owners, folder)

        return wait

    def packed(self) -> Packed:
        forms = [reply.answer.forms for reply in self._ask_owners(lambda number: FreezeTable(self.step, number))]
        rows = {name: sum(own[name].shape[0] for own in forms) for name in forms[0]}
        table = Packed({name: (form.dtype, [rows[name], *form.shape[1:]]) for name, form in forms[0].items()})
        for name, array in table.arrays.items():
            start = 0
            for number, part in enumerate(self._owners.parts):
                for piece in frozen_pieces(self._owners, part.owner, number, name, forms[number][name]):
                    array[start : start + len(piece)] = piece
                    start += len(piece)
        return table

    def parts(self) -> list[Part]:
        sizes = [reply.answer for reply in self._ask_owners(AskSize)]
        return [Part(size.keys, size.nbytes, size.rare, size.evicted) for size in sizes]

    def _ask_owners(self, request: Callable[[int], Request]) -> list[Reply]:
        """Ask the owner of each part.  ``request``: makes one of the part's number."""
        parts = enumerate(self._owners.parts)
        return self._owners.ask([(part.owner, Question(request(number))) for number, part in parts])


def _wait_for_files(owners: Owners, folder: str) -> dict[str, str]:
    """Ask again and again until all owners have written their files into a folder."""
    files: dict[str, str] = {}
    waiting = list(range(len(owners.parts)))
    while waiting:
        questions = [(owners.parts[number].owner, Question(AskSaved(number, folder))) for number in waiting]
        with owners.deadline(SILENCE_SECONDS):
            replies = owners.ask(questions)
        written = {number: reply.answer.files for number, reply in zip(waiting, replies, strict=True)}
        for own in written.values():
            files |= own or {}
        waiting = [number for number, own in written.items() if own is None]
        if waiting:
            time.sleep(POLL_SECONDS)
    return files


def kept_parts(owners: Owners, addresses: Sequence[str], training: str) -> dict[str, list[KeptPart]]:
    """The parts of a training's table that these processes keep, by address."""
    questions = [(address, Question(AskParts(owners.generation, training))) for address in addresses]
    replies = owners.ask(questions)
    if any(part.pushed for reply in replies for part in reply.answer.parts):
        replies = owners.ask(questions)  # followers may have got more of an asynchronous round since they answered
    return {address: reply.answer.parts for address, reply in zip(addresses, replies, strict=True)}
