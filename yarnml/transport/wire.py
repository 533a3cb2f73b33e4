"""Messages as bytes: MessagePack, by the types of the messages alone."""

import msgspec

from yarnml.messages import Call, Reply
from yarnml.parts import Hello, Part, Refusal

encode = msgspec.msgpack.Encoder().encode
decode_call = msgspec.msgpack.Decoder(Call).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
decode_hello = msgspec.msgpack.Decoder(Hello).decode
decode_part = msgspec.msgpack.Decoder(Part).decode
decode_refusal = msgspec.msgpack.Decoder(Refusal).decode
