"""Messages between a worker and an owner, a process that keeps a part of a table; numbers may follow a header.

The structs are ``array_like``: a header travels as its fields' values in order, so the order is the format.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from yarnml.control.codec import decoder
from yarnml.job.learners import Rule
from yarnml.sparse.block import Block
from yarnml.sparse.rules import rule_of


class BlockForm(Struct, frozen=True, array_like=True):
    """A block of a table, as it travels."""

    name: str
    width: int
    rule: Rule
    scale: float
    seed: int

    @classmethod
    def of(cls, block: Block) -> "BlockForm":
        return cls(block.name, block.width, block.rule.options, block.scale, block.seed)

    def block(self) -> Block:
        return Block(self.name, self.width, rule_of(self.rule), self.scale, self.seed)


class BeginTable(Struct, frozen=True, array_like=True, tag=True):
    """Keep part ``number`` of ``count`` of a table from now on, as it is after ``step``.

    ``files``: those of a checkpoint's ``folder`` that have rows of the table, with their SHA-256; none for no rows.
    ``min_count``: a key has a row when it has come so often.
    """

    generation: int
    step: int
    number: int
    count: int
    blocks: list[BlockForm]
    folder: str = ""
    files: dict[str, str] = {}
    min_count: int = 1


class GoTo(Struct, frozen=True, array_like=True, tag=True):
    """Have the rows as they are after ``step``, at most one update back.

    Sums of generations before this one are given up.
    """

    generation: int
    step: int


class AskRows(Struct, frozen=True, array_like=True, tag=True):
    """Give the weights of the keys behind this header, as they are after ``step``."""

    step: int
    unknown_as_first: bool


class SaveTable(Struct, frozen=True, array_like=True, tag=True):
    """Write the rows as they are now into a folder; the answer comes before they are written."""

    step: int
    folder: str


class AskSaved(Struct, frozen=True, array_like=True, tag=True):
    """Tell whether the rows are written into this folder."""

    folder: str


class FreezeTable(Struct, frozen=True, array_like=True, tag=True):
    """Get the rows of the model ready, as they are after ``step``, to be asked for part by part; tell their number."""

    step: int


class AskFrozen(Struct, frozen=True, array_like=True, tag=True):
    """Give rows ``low`` … ``high`` - 1 of an array of the model."""

    name: str
    low: int
    high: int


class AskSize(Struct, frozen=True, array_like=True, tag=True):
    """Tell how many keys there are, and how many bytes they take."""


Request = AskSize | BeginTable | GoTo | AskRows | SaveTable | AskSaved | FreezeTable | AskFrozen


class Answer(Struct, frozen=True, array_like=True, tag=True):
    """The request is carried out.

    ``rows``, ``nbytes``, ``rare``: the numbers that were asked for, as in `yarnml.sparse.base.Part`.
    ``files``: name → SHA-256 of what is written; None: not yet.
    """

    rows: int = 0
    files: dict[str, str] | None = None
    nbytes: int = 0
    rare: int = 0


class Refused(Struct, frozen=True, array_like=True, tag=True):
    """The request can't be carried out.  ``error``: the name of a class in `yarnml.errors`."""

    error: str
    text: str


encode = msgspec.msgpack.Encoder().encode
decode_request: Callable[[bytes], Request] = decoder(Request)
decode_answer: Callable[[bytes], Answer | Refused] = decoder(Answer | Refused)
