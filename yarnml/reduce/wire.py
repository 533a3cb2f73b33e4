"""What goes between a worker and a reducer: headers, as types and as bytes, each with a raw vector behind it."""

import msgspec
from msgspec import Struct


class Part(Struct, frozen=True, array_like=True):
    """Header of one chunk of one subtree's vector slice.

    ``level`` and ``place`` name the subtree, in a total the whole tree; the slice is cut into ``chunks`` chunks of
    elements of NumPy's ``dtype``.
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
    """Opens a stream to a reducer, or to the relay of its process."""

    worker: int
    relay: bool = False


class Refusal(Struct, frozen=True, array_like=True):
    """Why a reducer sends no more totals; ``late``: the step that was asked for is over."""

    reason: str
    late: bool


encode = msgspec.msgpack.Encoder().encode
decode_hello = msgspec.msgpack.Decoder(Hello).decode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_refusal = msgspec.msgpack.Decoder(Refusal).decode
