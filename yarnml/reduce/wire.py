"""Headers of the messages between a worker and a reducer, as types and as bytes; a raw vector follows most of them.

The structs are ``array_like``: a header travels as its fields' values in order, so the order is the format.
"""

import msgspec
from msgspec import Struct


class Part(Struct, frozen=True, array_like=True):
    """Header of one chunk of one subtree's vector slice.

    ``generation``, ``step``: the sum.
    ``shards``: the number of shards of the whole sum.
    ``level``, ``place``: the subtree; in a total the root of the tree.
    ``chunk``, ``chunks``: the chunk's number in its slice, and how many the slice has.
    ``dtype``: NumPy's name of the elements' type.
    """

    generation: int
    step: int
    shards: int
    level: int
    place: int
    chunk: int
    chunks: int
    dtype: str


class Hello(Struct, frozen=True, array_like=True):
    """The first message on a stream: which worker it is, and whether it wants the process's reducer or its relay."""

    worker: int
    relay: bool = False


class Refusal(Struct, frozen=True, array_like=True):
    """The reason why a reducer sends no more totals; ``late``: the step that was asked for is over."""

    reason: str
    late: bool


encode = msgspec.msgpack.Encoder().encode
decode_hello = msgspec.msgpack.Decoder(Hello).decode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_refusal = msgspec.msgpack.Decoder(Refusal).decode
