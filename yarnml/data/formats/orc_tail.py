"""The tail of an ORC file, which says where its stripes lie: protocol buffers, read by hand, since no library tells.

Source: the specification of ORC v1, https://orc.apache.org/specification/ORCv1/.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa

from yarnml.errors import DataError
from yarnml.storage import ReadTail, Tail

_CODECS = {2: "snappy", 4: "lz4_raw", 5: "zstd"}
_ZLIB = 1
_FIRST_READ_BYTES = 64 * 2**10
_FOOTER_BYTES = 1  # a field of the postscript
_STRIPES = 3  # fields of the footer
_ROWS = 6
_VARINT = 0
_BYTES = 2


class Stripe(NamedTuple):
    """A stripe's place in its file, in bytes, and its rows."""

    start: int
    size: int
    rows: int


def find_tail(read_tail: ReadTail, url: str) -> Tail:
    """The footer and all behind it, as they are stored; DataError for a file that is no ORC."""
    with _readable(url):
        size, end = read_tail(_FIRST_READ_BYTES)
        needed = _postscript(end)[_FOOTER_BYTES] + end[-1] + 1
        if len(end) < needed <= size:
            size, end = read_tail(needed)
        if len(end) < needed:
            raise ValueError("its tail is cut off")
        return Tail(size, end[-needed:])


def find_stripes(end: bytes, url: str) -> list[Stripe]:
    """The stripes of a file with this tail; DataError where it can't be read."""
    with _readable(url):
        postscript = _postscript(end)
        body = _unpacked(end[: postscript[_FOOTER_BYTES]], postscript.get(2, 0), postscript.get(3, 2**18))
        return [_stripe(value) for field, value in _fields(body, _ROWS) if field == _STRIPES]


@contextmanager
def _readable(url: str) -> Iterator[None]:
    """Translate what is raised where bytes are no tail."""
    try:
        yield
    except (IndexError, KeyError, TypeError, ValueError, zlib.error, pa.ArrowException) as exc:
        raise DataError(f"{url} is not a readable ORC file: {str(exc) or 'its tail is none'}.") from exc


def _postscript(end: bytes) -> dict[int, Any]:
    """The fields of the last message of a file, before the byte of its length."""
    return dict(_fields(end[-1 - end[-1] : -1]))


def _stripe(message: bytes) -> Stripe:
    fields = dict(_fields(message))
    sizes = [fields.get(field, 0) for field in (2, 3, 4)]  # of its index, its data and its footer
    return Stripe(fields.get(1, 0), sum(sizes), fields.get(5, 0))


def _fields(message: bytes, last: int = 2**29) -> Iterator[tuple[int, Any]]:
    """The fields of a message by their numbers, up to field ``last``: whole numbers, and the bytes of others."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        if tag >> 3 >= last:
            return
        if tag & 7 == _VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            length, place = _varint(message, place)
            if place + length > len(message):
                raise ValueError("its footer is cut off")
            yield tag >> 3, message[place : place + length]
            place += length
        else:
            raise ValueError("its footer is no protocol buffer")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """The whole number at a place, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("its footer holds a number without end")


def _unpacked(packed: bytes, kind: int, block: int) -> bytes:
    """The bytes of compressed blocks, each behind its length; ``block``: bytes of one at most."""
    if kind == 0:
        return packed
    if kind != _ZLIB and kind not in _CODECS:
        raise ValueError(f"its compression, number {kind} of the specification, is not supported")
    parts = []
    place = 0
    while place < len(packed):
        header = int.from_bytes(packed[place : place + 3], "little")
        part = packed[place + 3 : place + 3 + (header >> 1)]
        place += 3 + (header >> 1)
        parts.append(part if header & 1 else _unpacked_block(part, kind, block))
    return b"".join(parts)


def _unpacked_block(part: bytes, kind: int, block: int) -> bytes:
    if kind == _ZLIB:
        return zlib.decompress(part, -zlib.MAX_WBITS)
    if _CODECS[kind] == "zstd":
        with pa.CompressedInputStream(pa.BufferReader(part), "zstd") as stream:
            return bytes(stream.read())
    size = _varint(part, 0)[0] if _CODECS[kind] == "snappy" else block
    return bytes(pa.Codec(_CODECS[kind]).decompress(part, decompressed_size=min(size, block), asbytes=True))
