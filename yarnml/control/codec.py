"""Messages as bytes: MessagePack, by the types of the messages alone."""

from collections.abc import Callable
from typing import Any

import msgspec

from yarnml.control.calls import Call, Reply


def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Make a function from bytes to a message of these types; it raises msgspec.DecodeError for all other bytes."""
    decode = msgspec.msgpack.Decoder(kind).decode

    def decode_or_refuse(data: bytes) -> Any:
        try:
            return decode(data)
        except (UnicodeDecodeError, RecursionError) as exc:
            raise msgspec.DecodeError(str(exc)) from exc

    return decode_or_refuse


encode = msgspec.msgpack.Encoder().encode
decode_call: Callable[[bytes], Call] = decoder(Call)
decode_reply: Callable[[bytes], Reply] = decoder(Reply)
