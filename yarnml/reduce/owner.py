"""An owner: a process that keeps the rows of some keys, updates them by the sums that it reduces, and gives weights.

Part p of n of a table has the keys of the places p · PLACES / n … (p + 1) · PLACES / n - 1 of a `KeyedVector`.  Rows
depend on their own sums alone, so where the parts are cut never changes a bit of them.

No owner is more than one update ahead of any worker or owner that takes part: a worker sends its sums of step t + 1
only after every owner has answered those of step t, and an owner updates its rows only by the sums of all shards.  So
where a worker is lost, all owners can go back to one step by taking back one update.
"""

import threading
from typing import NamedTuple

import numpy as np

from yarnml.data.arrays import Array, Matrix
from yarnml.errors import CheckpointError, OwnerLost, WorkerLost, YarnmlError, translated
from yarnml.reduce.keyed import first_key
from yarnml.reduce.owner_files import read_rows, write_rows
from yarnml.reduce.owner_wire import BeginTable
from yarnml.sparse.base import Part
from yarnml.sparse.run import Keys, Run, empty_run
from yarnml.sparse.table import Table, Undo, restored
from yarnml.storage.integrity import TornFile
from yarnml.storage.tensors import not_finite


class _Part(NamedTuple):
    """A part of a table.  ``undo``: of the newest update, None where it can't be taken back."""

    number: int
    parts: int
    table: Table
    step: int
    undo: Undo | None = None


class Owner:
    """The part of one table that a process keeps; any thread may call.

    One lock guards every field.  Rows are read and updated under it, as a table may move its memory when it grows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._part: _Part | None = None
        self._generation = -1
        self._frozen: dict[str, Array] = {}
        self._written: dict[str, dict[str, str] | YarnmlError | None] = {}  # folder → its files, or what went wrong

    @property
    def size(self) -> Part:
        """The size of what it keeps."""
        with self._lock:
            return self._part.table.parts()[0] if self._part else Part(0, 0)

    def begin(self, begin: BeginTable) -> None:
        """Keep a part of a table, in the place of what was kept before.  Raises CheckpointError."""
        self._let_go()
        blocks = [form.block() for form in begin.blocks]
        sentence = f"The table in {begin.folder} can't be read"
        with translated(CheckpointError, sentence, also=(TornFile, KeyError)):
            low, high = (first_key(number, begin.count) for number in (begin.number, begin.number + 1))
            arrays = read_rows(begin.folder, begin.files, low, high)
            table = restored(blocks, arrays, begin.min_count) if arrays else Table(blocks, begin.min_count)
        with self._lock:
            if begin.generation < self._generation:
                raise WorkerLost(f"The table of step {begin.step} is not wanted any more.")
            self._generation = begin.generation
            self._part = _Part(begin.number, begin.count, table, begin.step)

    def _let_go(self) -> None:
        """Free the memory of what was kept before."""
        with self._lock:
            self._part = None
            self._frozen = {}

    def weights(self, step: int, keys: Keys, *, unknown_as_first: bool) -> Matrix:
        """The weights of different keys after ``step``, float32 [keys, width]: those of all blocks side by side."""
        with self._lock:
            table = self._after(step).table
            blocks = table.weights(keys, unknown_as_first=unknown_as_first)
        return np.concatenate([blocks[block.name] for block in table.blocks], axis=1)

    def update(self, step: int, run: Run) -> Run:
        """Update the rows by the total of ``step``; returns a run without keys, to be given to the workers."""
        with self._lock:
            part = self._after(step)
            self._part = part._replace(step=step + 1, undo=part.table.update(run))
        return empty_run(run.width)

    def go_to(self, generation: int, step: int) -> None:
        """Have the rows as they are after ``step``; OwnerLost where they can't be had any more."""
        with self._lock:
            part = self._part
            self._generation = max(self._generation, generation)
            if part is not None and part.undo is not None and part.step == step + 1:
                part.table.take_back(part.undo)
                self._part = part._replace(step=step, undo=None)
            elif part is None or part.step != step:
                stands = f"those after step {part.step}" if part else "none"
                raise OwnerLost(f"The rows of a table after step {step} are gone: their owner has {stands}.")

    def save(self, step: int, folder: str) -> None:
        """Begin to write the rows as they are now; a thread goes on with it.  ModelError where one is not finite."""
        with self._lock:
            part = self._after(step)
            if block := part.table.infinite_block:
                raise not_finite(f"table/{block}")
            arrays = part.table.arrays()
            self._written = {folder: None}
        arguments = (folder, part.number, part.parts, arrays)
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
            if folder in self._written:
                self._written[folder] = result

    def saved(self, folder: str) -> dict[str, str] | None:
        """The files that `save` has written, name → SHA-256; None as long as it writes.  Raises what went wrong."""
        with self._lock:
            result = self._written.get(folder, CheckpointError(f"Nothing is being written to {folder}."))
        if isinstance(result, YarnmlError):
            raise type(result)(str(result))
        return result

    def freeze(self, step: int) -> int:
        """Get the model's rows ready to be given part by part; returns their number."""
        with self._lock:
            table = self._after(step).table
            if block := table.infinite_block:
                raise not_finite(f"table/{block}")
            self._frozen = table.trained()
        return len(next(iter(self._frozen.values())))

    def frozen(self, name: str, low: int, high: int) -> Array:
        """Rows ``low`` … ``high`` - 1 of an array of the model, a view."""
        with self._lock:
            if name not in self._frozen:
                raise OwnerLost(f"The array {name} of a table is not there.")
            return self._frozen[name][low:high]

    def _after(self, step: int) -> _Part:
        """The part that is kept.  Raises WorkerLost where it does not stand after ``step``."""
        part = self._part
        if part is None:
            raise WorkerLost("This process keeps no part of a table.")
        if part.step != step:
            raise WorkerLost(f"The rows after step {step} were asked for, but here they are after step {part.step}.")
        return part
