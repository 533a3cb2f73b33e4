"""The parts of one table that a process keeps, as their owner or as a follower."""

import threading
from typing import NamedTuple

from yarnml.control.holders import KeptPart
from yarnml.data.arrays import Array
from yarnml.errors import WorkerLost
from yarnml.reduce.part_round import PartRound
from yarnml.sparse.older import OlderTable
from yarnml.sparse.table import Table

FOLLOWED_SECONDS = 20.0
"""Time that what is on its way to a follower may take, where somebody waits for that."""


REST_SECONDS = 5.0
"""The same time where a round has been cut, perhaps for a follower that is gone."""


class PartOfTable(NamedTuple):
    """A part of a table, one of ``parts``.

    ``round``: an asynchronous round that began after ``step``, which may have any of its sums; None without one.
    """

    parts: int
    table: Table
    step: int
    follower: str = ""
    round: PartRound | None = None

    def is_after(self, step: int) -> bool:
        """Tell whether its rows are those after a step."""
        return self.round.is_after(step) if self.round else self.step == step

    @property
    def oldest(self) -> int:
        """The least step after which its rows can still be had."""
        return self.step if self.round else self.step - self.table.undos.whole

    def arrays(self) -> dict[str, Array]:
        """All of it by name, for a copy or a checkpoint."""
        return self.table.arrays() | (self.round.arrays() if self.round else {})

    @property
    def digest(self) -> int:
        return (self.table.digest + (self.round.digest if self.round else 0)) % 2**64

    def kept(self, number: int) -> KeptPart:
        """A message to the master about it."""
        steps = [*range(self.step, self.oldest - 1, -1)]
        if self.round and self.round.is_after(self.round.last):
            steps.append(self.round.last)
        return KeptPart(number, steps, self.round.pushed if self.round else 0)


class KeptParts:
    """Parts by their number, and who may change them.

    ``changed``: guards every field, and the rows of all parts, as a table may move its memory when it grows; it is
    notified when something has changed that a thread may wait for.
    ``training``: the folder of the training that the table belongs to.
    ``generation``: the newest that was heard of; sums of older ones update no rows any more.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.parts: dict[int, PartOfTable] = {}
        self.training = ""
        self.generation = -1

    def hear(self, generation: int) -> None:
        """Note a generation: all that waits for something of an older one is given up."""
        with self.changed:
            if generation > self.generation:
                self.generation = generation
                self.changed.notify_all()

    def refuse_older(self, generation: int, what: str) -> None:
        """Raise WorkerLost for something of an older generation; ``what`` names it in the sentence."""
        if generation < self.generation:
            raise WorkerLost(f"{what} is not wanted any more.")

    def part(self, number: int) -> PartOfTable:
        """A part.  Raises WorkerLost where it is not kept."""
        if number not in self.parts:
            raise WorkerLost(f"This process does not keep part {number} of a table.")
        return self.parts[number]

    def begun_after(self, step: int, number: int) -> PartOfTable:
        """A part that stands after ``step``, or has any sums of an asynchronous round that began there."""
        part = self.part(number)
        return part if part.step == step else self.after(step, number)

    def wait_until_after(self, step: int, number: int) -> None:
        """Give a part that follows others in an asynchronous round the time to get there."""
        self.changed.wait_for(lambda: not (part := self.part(number)).round or part.is_after(step), FOLLOWED_SECONDS)

    def wait_for_followers(self) -> None:
        """Give the followers of asynchronous rounds the time to get what is on its way, as far as they get it."""

        def followed() -> bool:
            rounds = [part.round for part in self.parts.values() if part.round]
            return all(round.failure or not round.unfollowed for round in rounds)

        self.changed.wait_for(followed, REST_SECONDS)

    def table_after(self, step: int, number: int) -> Table | OlderTable:
        """The rows of a part as they were after a step, to be read.  Raises WorkerLost where they are gone."""
        part = self.part(number)
        updates = part.step - step
        if not part.round and 0 < updates <= len(part.table.undos):
            return part.table.before(updates)
        return self.after(step, number).table

    def after(self, step: int, number: int) -> PartOfTable:
        """A part.  Raises WorkerLost where it does not stand after ``step``."""
        part = self.part(number)
        if not part.is_after(step):
            raise WorkerLost(f"The rows after step {step} were asked for, but here they are after step {part.step}.")
        return part
