"""The entries of a history, and the pieces that hold them as lines of JSON.  Pure."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from yarnml.events.events import Event

FORMAT = "yarnml-history/1"


class Entry(Struct, frozen=True, array_like=True):
    """An event and when it happened, in seconds since 1970."""

    time: float
    event: Event


class Header(Struct, frozen=True):
    """The first line of a piece."""

    format: str


class ForeignHistory(Exception):
    """A piece is none that this yarnml can read; says what it found."""


def encode(entry: Entry) -> bytes:
    """Write an entry as a line."""
    return msgspec.json.encode(entry) + b"\n"


def pack(lines: Iterable[bytes]) -> bytes:
    """Make a piece of the lines of its entries."""
    return encode_header() + b"".join(lines)


def encode_header() -> bytes:
    return msgspec.json.encode(Header(FORMAT)) + b"\n"


def unpack(piece: bytes) -> list[Entry]:
    """Read a piece; ForeignHistory where it is of another format.

    An event that this yarnml does not know is left out: another version of the same format wrote it.
    """
    first, *lines = piece.splitlines() or [b""]
    try:
        header = msgspec.json.decode(first, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ForeignHistory(f"no history of yarnml ({exc})") from exc
    if header.format != FORMAT:
        raise ForeignHistory(f"format {header.format}, this yarnml reads {FORMAT}")
    entries = []
    decoder = msgspec.json.Decoder(Entry)
    for line in lines:
        try:
            entries.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return entries
