"""Messages as bytes: MessagePack, by the types of the messages alone."""

import msgspec

from yarnml.control.calls import Call, Reply

encode = msgspec.msgpack.Encoder().encode
decode_call = msgspec.msgpack.Decoder(Call).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
