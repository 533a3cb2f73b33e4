"""Headers of the messages between a worker and a reducer, as types and as bytes; a raw vector follows most of them.

The structs are ``array_like``: a header travels as its fields' values in order, so the order is the format.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from yarnml.control.codec import decoder
from yarnml.job.fields import LARGEST_DELAY, LARGEST_SHARDS
from yarnml.reduce.blocks import FORMS, name_of
from yarnml.reduce.keyed import run_of
from yarnml.reduce.tree import Chunk, Vector
from yarnml.sparse.run import Run

KEYED = "keyed"

OWNED = "owned"
"""A run by which its reducer, the owner of a part of a table, updates the rows; the total comes back without keys."""

Count = Annotated[int, Meta(ge=0, lt=2**62)]


class Part(Struct, frozen=True, array_like=True):
    """Header of one chunk of one subtree's vector slice.

    ``generation``, ``step``: the sum.
    ``shards``: the number of shards of the whole sum.
    ``level``, ``place``: the subtree; in a total the root of the tree.
    ``chunk``, ``chunks``: the chunk's number in its slice, and how many the slice has.
    ``dtype``: NumPy's name of the elements' type; ``int8`` or ``int4`` for blocks, ``keyed`` or ``owned`` for a run.
    ``keys``, ``width``: of a run.  ``number``: the part of the table that an ``owned`` one belongs to.
    ``delay``: how many later sums a worker may have started when it waits for the total of this one.
    """

    generation: Count
    step: Count
    shards: Annotated[int, Meta(ge=1, le=LARGEST_SHARDS)]
    level: Annotated[int, Meta(ge=0, le=64)]
    place: Count
    chunk: Count
    chunks: Annotated[int, Meta(ge=1, lt=2**40)]
    dtype: Annotated[str, Meta(pattern=r"^(float32|float64|bfloat16|int8|int4|keyed|owned)$(?!\n)")] = "float32"
    keys: Count = 0
    width: Count = 0
    number: Count = 0
    delay: Annotated[int, Meta(ge=0, le=LARGEST_DELAY)] = 0

    def __post_init__(self) -> None:
        """Refuse a header whose fields contradict each other."""
        if self.place << self.level >= self.shards or self.chunk >= self.chunks:
            raise ValueError("a part outside of its sum")


def header_of(part: Part, chunk: Chunk, *, number: int | None = None) -> Part:
    """The header of a part, with the fields that say what is behind it.

    ``number``: the part of a table that a run is to update, see `OWNED`; None where it is to update none.
    """
    if isinstance(chunk, Run):
        kind = KEYED if number is None else OWNED
        form = {"keys": len(chunk.keys), "width": chunk.width, "number": number or 0}
        return msgspec.structs.replace(part, dtype=kind, **form)
    return msgspec.structs.replace(part, dtype=name_of(chunk.dtype))


def chunk_of(part: Part, data: Vector) -> Chunk:
    """The chunk behind a header, a view; ValueError where the bytes are none of this form."""
    if part.dtype in (KEYED, OWNED):
        return run_of(data.view(np.uint8), part.keys, part.width)
    return data.view(FORMS.get(part.dtype, part.dtype))


class Hello(Struct, frozen=True, array_like=True):
    """The first message on a connection: which worker it is, and what it wants of the process.

    That is the reducer, its relay, or with ``table`` the owner of a part of a table.
    """

    worker: Count
    relay: bool = False
    table: bool = False


class Refusal(Struct, frozen=True, array_like=True):
    """The reason why a reducer sends no more totals; ``late``: the step that was asked for is over."""

    reason: str
    late: bool


encode = msgspec.msgpack.Encoder().encode
decode_hello: Callable[[bytes], Hello] = decoder(Hello)
decode_part: Callable[[bytes], Part] = decoder(Part)
decode_refusal: Callable[[bytes], Refusal] = decoder(Refusal)
