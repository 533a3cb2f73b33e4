"""Messages to a process that keeps parts of a table, from a worker or another such process; numbers may follow.

The structs are ``array_like``: a header travels as its fields' values in order, so the order is the format.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Struct

from yarnml.control.codec import decoder
from yarnml.control.holders import KeptPart, TableFiles
from yarnml.data.arrays import Array
from yarnml.reduce.block_form import BlockForm
from yarnml.reduce.push_wire import PushRequest, TaskForm
from yarnml.sparse.policy import ALL_KEYS, KeyPolicy


class BeginTable(Struct, frozen=True, array_like=True, tag=True):
    """Keep part ``number`` of ``count`` of a table from now on, as it is after ``step``.

    ``training``: the folder of the training that the table belongs to.
    ``policy``: which keys have rows.  ``remembered``: how many of the newest updates can be taken back or read before.
    ``layers``: the files of checkpoints that have rows of the table, see `read_rows`; none for no rows.
    ``source``: the address of a process that has the rows, in the place of files.
    ``follower``: the address of the process that gets every update, too; empty for none.
    """

    generation: int
    training: str
    step: int
    number: int
    count: int
    blocks: list[BlockForm]
    policy: KeyPolicy = ALL_KEYS
    remembered: int = 1
    layers: list[TableFiles] = []
    source: str = ""
    follower: str = ""


class SetRows(Struct, frozen=True, array_like=True, tag=True):
    """Have a part hold the rows behind this header alone, as they are after ``step``; of a table with one block.

    ``keys``, ``width``: of the run in which they travel.
    """

    generation: int
    step: int
    number: int
    keys: int
    width: int


class AskParts(Struct, frozen=True, array_like=True, tag=True):
    """Tell which parts of this training's table are there; sums of generations before this one are given up."""

    generation: int
    training: str


class GoTo(Struct, frozen=True, array_like=True, tag=True):
    """Have the rows of a part as they are after ``step``, a few updates back.

    Sums of generations before this one are given up.
    """

    generation: int
    step: int
    number: int


class KeepParts(Struct, frozen=True, array_like=True, tag=True):
    """Keep these parts alone.  ``followers``: by number of the part, where its updates go, too; empty for nowhere."""

    followers: dict[int, str]


class FollowUpdate(Struct, frozen=True, array_like=True, tag=True):
    """Carry out the update of ``step`` by the run behind this header, as the owner of the part does.

    ``keys``, ``width``: of the run.
    """

    generation: int
    step: int
    number: int
    keys: int
    width: int


class AskRows(Struct, frozen=True, array_like=True, tag=True):
    """Give the weights of the keys behind this header, which belong to one part, as they are or were after ``step``.

    ``keys``: how many they are; they travel as `yarnml.sparse.run.narrow` makes them.
    """

    step: int
    number: int
    unknown_as_first: bool
    keys: int


class AskDigest(Struct, frozen=True, array_like=True, tag=True):
    """Tell the digest of a part's rows as they are after ``step``."""

    step: int
    number: int


class SaveTable(Struct, frozen=True, array_like=True, tag=True):
    """Write the rows of a part as they are now into a folder; the answer comes before they are written.

    ``updates``: only those that so many of the newest ones have touched; None: all.
    ``before``: so many of the newest updates rows are also written as they were.
    """

    step: int
    number: int
    folder: str
    updates: int | None = None
    before: int = 0


class AskSaved(Struct, frozen=True, array_like=True, tag=True):
    """Tell whether the rows of a part are written into this folder."""

    number: int
    folder: str


class FreezeTable(Struct, frozen=True, array_like=True, tag=True):
    """Get arrays of a part ready, as they are after ``step``, to be asked for piece by piece; tell their forms.

    ``whole``: what a checkpoint has; else what a model has.
    """

    step: int
    number: int
    whole: bool = False


class AskFrozen(Struct, frozen=True, array_like=True, tag=True):
    """Give rows ``low`` … ``high`` - 1 of an array that is ready."""

    number: int
    name: str
    low: int
    high: int


class AskSize(Struct, frozen=True, array_like=True, tag=True):
    """Tell how many keys a part has, and how many bytes they take."""

    number: int


Request = (
    AskDigest
    | AskFrozen
    | AskParts
    | AskRows
    | AskSaved
    | AskSize
    | BeginTable
    | FollowUpdate
    | FreezeTable
    | GoTo
    | KeepParts
    | PushRequest
    | SaveTable
    | SetRows
)


class ArrayForm(Struct, frozen=True, array_like=True):
    """NumPy's name of an array's type, and its shape."""

    dtype: str
    shape: list[int]


class Answer(Struct, frozen=True, array_like=True, tag=True):
    """The request is carried out.

    ``keys``, ``nbytes``, ``rare``, ``evicted``: the numbers that were asked for, as in `yarnml.sparse.base.Part`.
    ``files``: name → SHA-256 of what is written; None: not yet.
    ``parts``: those that are there.  ``forms``: of arrays, by name.  ``digest``: of rows.
    ``task``: the next one of a worker.  ``pushed``: tasks whose sums a part has.
    """

    keys: int = 0
    nbytes: int = 0
    rare: int = 0
    evicted: int = 0
    files: dict[str, str] | None = None
    parts: list[KeptPart] = []
    forms: dict[str, ArrayForm] = {}
    digest: int = 0
    task: TaskForm | None = None
    pushed: int = 0


class Reply(NamedTuple):
    """An answer, and the numbers behind it."""

    answer: Answer
    values: Array | None = None


class Refused(Struct, frozen=True, array_like=True, tag=True):
    """The request can't be carried out.  ``error``: the name of a class in `yarnml.errors`."""

    error: str
    text: str


encode = msgspec.msgpack.Encoder().encode
decode_request: Callable[[bytes], Request] = decoder(Request)
decode_answer: Callable[[bytes], Answer | Refused] = decoder(Answer | Refused)
