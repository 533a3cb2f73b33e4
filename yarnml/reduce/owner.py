"""An owner: a process that keeps the rows of some keys, updates them by the sums that it reduces, and gives weights.

Part p of n of a table has the keys of the places p · PLACES / n … (p + 1) · PLACES / n - 1 of a `KeyedVector`.  Rows
depend on their own sums alone, so where the parts are cut never changes a bit of them.

A part has an owner and mostly a follower, another process that keeps the same rows.  The owner passes every total on to
it and gives its answer when the follower has carried out the update, too.

No owner or follower is more than one update ahead of any worker or owner that takes part, with a delay of s more than
s + 1: a worker sends its sums of step t + 1 + s only after every owner has answered those of step t, and an owner
updates its rows only by the sums of all shards.  So where a process is lost, all can go back to one step by taking back
so many updates, and still give the rows from s updates before; and of a lost owner, the follower has the rows after
every step that a worker has seen the end of.
"""

import threading
from collections.abc import Callable, Mapping

import numpy as np

from yarnml.control.holders import KeptPart
from yarnml.data.arrays import Array, Matrix
from yarnml.errors import CheckpointError, OwnerLost, WorkerLost, YarnmlError, translated
from yarnml.reduce.kept_parts import KeptParts, PartOfTable
from yarnml.reduce.keyed import first_key
from yarnml.reduce.owner_files import read_rows, write_rows
from yarnml.reduce.owner_wire import BeginTable, FollowUpdate
from yarnml.reduce.part_round import round_in
from yarnml.reduce.push_wire import FollowPush
from yarnml.sparse.base import Part
from yarnml.sparse.run import Keys, Run
from yarnml.sparse.stored import KEYS
from yarnml.sparse.table import Table, restored
from yarnml.sparse.undo import Undo
from yarnml.storage.integrity import TornFile
from yarnml.storage.tensors import not_finite

Answered = Callable[[YarnmlError | None], None]
"""Hears that a follower has carried out an update, or what kept it from that."""

Forward = Callable[[str, FollowUpdate | FollowPush, Run | Array, Answered], None]
"""Gives an update to the follower at an address, without waiting for it; behind it a run, or the bytes of one."""


def no_followers(address: str, update: FollowUpdate | FollowPush, run: Run | Array, answered: Answered) -> None:
    """Refuse: the `Forward` of a process that has no way to others."""
    raise WorkerLost(f"This process has no way to the follower at {address}.")


class Owner:
    """The parts of one table that a process keeps, as their owner or as a follower; any thread may call.

    ``kept``: these parts; one condition of it guards every field here, too.  ``forward``: the way to followers.
    """

    def __init__(self, forward: Forward = no_followers) -> None:
        self.kept = KeptParts()
        self.forward = forward
        self._lock = self.kept.changed
        self._begun = -1  # the newest generation in which a part began
        self._frozen: dict[tuple[int, str], Array] = {}  # (part, name) → an array to be given piece by piece
        # (part, folder) → the files that were written there, or what went wrong.
        self._written: dict[tuple[int, str], dict[str, str] | YarnmlError | None] = {}

    def size(self, number: int) -> Part:
        """The size of a part; nothing where it is not kept."""
        with self._lock:
            return self.kept.parts[number].table.parts()[0] if number in self.kept.parts else Part(0, 0)

    def begin(self, begin: BeginTable, arrays: dict[str, Array] | None = None) -> None:
        """Keep a part of a table; others of an earlier training, or of an earlier beginning of this one, go.

        ``arrays``: its rows, where they are not in files.  Raises CheckpointError.
        """
        self._let_go(begin)
        blocks = [form.block() for form in begin.blocks]
        sentence = f"The table in {begin.layers[-1].folder if begin.layers else begin.source} can't be read"
        with translated(CheckpointError, sentence, also=(TornFile, KeyError)):
            low, high = (first_key(number, begin.count) for number in (begin.number, begin.number + 1))
            arrays = arrays or read_rows(begin.layers, low, high)
            form = begin.policy, begin.remembered
            table = restored(blocks, arrays, *form) if arrays else Table(blocks, *form)
        with self._lock:
            self.kept.refuse_older(begin.generation, f"The table of step {begin.step}")
            part = PartOfTable(begin.count, table, begin.step, begin.follower, round=round_in(arrays))
            self.kept.parts[begin.number] = part

    def set_rows(self, generation: int, step: int, number: int, run: Run) -> None:
        """Have a part of one block hold these rows alone.  Raises WorkerLost where they come too late.

        ``run``: see `yarnml.reduce.owned_table.OwnedTable.set_rows`.
        """
        with self._lock:
            part = self.kept.after(step, number)
            self.kept.refuse_older(generation, f"The rows of step {step}")
            (block,) = part.table.blocks
            newest, *older = np.split(run.values, run.width // block.rule.stored(block.width), axis=1)
            table = part.table.restored({KEYS: run.keys, block.name: newest})
            for rows in reversed(older):
                table.undos.push(Undo.of_all(run.keys, [rows]))
            self.kept.parts[number] = part._replace(table=table)

    def _let_go(self, begin: BeginTable) -> None:
        """Free the memory of what nobody wants any more: the part itself, and all others where the table begins."""
        with self._lock:
            if begin.training != self.kept.training or (not begin.source and begin.generation > self._begun):
                self.kept.parts = {}
                self._frozen = {}
            self.kept.parts.pop(begin.number, None)
            self.kept.training = begin.training
            self._begun = max(self._begun, begin.generation)
            self.kept.hear(begin.generation)

    def parts(self, generation: int, training: str) -> list[KeptPart]:
        """The parts of a training's table; sums of generations before this one update none of them any more."""
        with self._lock:
            self.kept.hear(generation)
            self.kept.wait_for_followers()
            own = self.kept.parts if training == self.kept.training else {}
            return [part.kept(number) for number, part in own.items()]

    def keep(self, followers: Mapping[int, str]) -> None:
        """Keep these parts alone, and give the updates of each to its follower from now on."""
        with self._lock:
            parts = self.kept.parts
            self.kept.parts = {n: parts[n]._replace(follower=f) for n, f in followers.items() if n in parts}
            self._frozen = {}

    def weights(self, step: int, number: int, keys: Keys, *, unknown_as_first: bool) -> Matrix:
        """The weights of different keys after ``step``, float32 [keys, width]: those of all blocks side by side."""
        with self._lock:
            table = self.kept.table_after(step, number)
            blocks = table.weights(keys, unknown_as_first=unknown_as_first)
        return np.concatenate([blocks[block.name] for block in table.blocks], axis=1)

    def update(self, generation: int, step: int, number: int, run: Run, answered: Answered) -> None:
        """Update the rows by the total of ``step``, while the follower does the same; ``answered`` hears of the end."""
        with self._lock:
            part = self.kept.after(step, number)
            if part.follower:
                update = FollowUpdate(generation, step, number, len(run.keys), run.width)
                self.forward(part.follower, update, run, answered)
            part.table.update(run)
            self.kept.parts[number] = part._replace(step=step + 1)
        if not part.follower:
            answered(None)

    def follow(self, update: FollowUpdate, run: Run) -> None:
        """Carry out an update of the owner.  Raises WorkerLost where it comes too late."""
        with self._lock:
            self.kept.refuse_older(update.generation, f"The update of step {update.step}")
            part = self.kept.after(update.step, update.number)
            part.table.update(run)
            self.kept.parts[update.number] = part._replace(step=update.step + 1)

    def go_to(self, generation: int, step: int, number: int) -> None:
        """Have the rows as they are after ``step``; OwnerLost where they can't be had any more."""
        with self._lock:
            self.kept.hear(generation)
            part = self.kept.parts.get(number)
            if part is not None and part.oldest <= step < part.step:
                for _ in range(part.step - step):
                    part.table.take_back()
                self.kept.parts[number] = part._replace(step=step)
            elif part is not None and part.round and part.step != step and part.is_after(step):
                self.kept.parts[number] = part._replace(step=step, round=None)
            elif part is None or part.step != step:
                stands = f"those after step {part.step}" if part else "none"
                raise OwnerLost(f"The rows of a table after step {step} are gone: their owner has {stands}.")
            elif part.round:
                part.round.close()  # whoever owned the part before must not change it while it is copied

    def digest(self, step: int, number: int) -> int:
        """A digest of a part's rows after ``step``: equal for equal rows, in whatever order they came."""
        with self._lock:
            self.kept.wait_until_after(step, number)
            return self.kept.after(step, number).digest

    def save(self, step: int, number: int, folder: str, updates: int | None = None, before: int = 0) -> None:
        """Begin to write the rows as they are now; a thread goes on with it.  ModelError where one is not finite.

        ``updates``: write only the rows that so many of the newest ones have touched.
        ``before``: write the rows as they were before each of so many of the newest ones, too.
        """
        with self._lock:
            part = self._finite_after(step, number)
            arrays = part.table.arrays(updates, before)
            self._written = {key: files for key, files in self._written.items() if key[1] == folder}
            self._written[number, folder] = None
        arguments = (folder, number, part.parts, arrays)
        threading.Thread(target=self._write, args=arguments, daemon=True, name="table").start()

    def _write(self, folder: str, number: int, count: int, arrays: dict[str, Array]) -> None:
        result: dict[str, str] | YarnmlError
        try:
            result = write_rows(folder, number, count, arrays)
        except YarnmlError as exc:
            result = exc
        except Exception as exc:  # whatever it was, the worker that waits must hear of it
            result = CheckpointError(f"The table can't be written to {folder}: {type(exc).__name__}: {exc}")
        with self._lock:
            if (number, folder) in self._written:
                self._written[number, folder] = result

    def saved(self, number: int, folder: str) -> dict[str, str] | None:
        """The files that `save` has written, name → SHA-256; None as long as it writes.  Raises what went wrong."""
        with self._lock:
            result = self._written.get((number, folder), CheckpointError(f"Nothing is being written to {folder}."))
        if isinstance(result, YarnmlError):
            raise type(result)(str(result))
        return result

    def freeze(self, step: int, number: int, *, whole: bool) -> dict[str, Array]:
        """Get arrays ready to be given piece by piece: those of a model, or the ``whole`` that a checkpoint has."""
        with self._lock:
            part = self.kept.begun_after(step, number) if whole else self._finite_after(step, number)
            arrays = part.arrays() if whole else part.table.trained()
            self._frozen |= {(number, name): array for name, array in arrays.items()}
        return arrays

    def frozen(self, number: int, name: str, low: int, high: int) -> Array:
        """Rows ``low`` … ``high`` - 1 of an array that is ready, a view."""
        with self._lock:
            if (number, name) not in self._frozen:
                raise OwnerLost(f"The array {name} of a table is not there.")
            return self._frozen[number, name][low:high]

    def _finite_after(self, step: int, number: int) -> PartOfTable:
        """The part after ``step``.  Raises ModelError where a number of it is not finite."""
        part = self.kept.after(step, number)
        if block := part.table.infinite_block:
            raise not_finite(f"table/{block}")
        return part
