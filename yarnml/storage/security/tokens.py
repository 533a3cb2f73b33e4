"""Hadoop's delegation tokens: the file that YARN puts into a container, read, and completed for hdfs-native.

The format is that of Hadoop's Credentials: version 0 is made of Writables, version 1 of protocol buffers.
"""

import base64
import os
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

FILE = "HADOOP_TOKEN_FILE_LOCATION"
"""The variable that names the file, in a container."""

HDFS = b"HDFS_DELEGATION_TOKEN"
WEB_HDFS = (HDFS, b"WEBHDFS delegation", b"SWEBHDFS delegation")
RESOURCE_MANAGER = b"RM_DELEGATION_TOKEN"

_PREFIX = ".yarnml-"
_MAGIC = b"HDTS"
_lock = threading.Lock()


class Origin(NamedTuple):
    """The facts in the identifier of a token: in whose name, by whom, and from when to when in seconds since 1970.

    ``real_user``: who took it in the name of ``owner``; empty where that was the owner.
    """

    owner: str
    real_user: str
    issued: float
    end: float


class Token(NamedTuple):
    """A token; ``service``: the address of who gave it, or ``ha-hdfs:`` and a name service."""

    alias: bytes
    identifier: bytes
    password: bytes
    kind: bytes
    service: bytes

    def __repr__(self) -> str:
        return f"Token({self.kind!r}, {self.service!r})"  # its password is a secret

    @property
    def text(self) -> str:
        """The token as web services take it."""
        parts = (self.identifier, self.password, self.kind, self.service)
        return base64.urlsafe_b64encode(b"".join(map(_framed, parts))).rstrip(b"=").decode()


def in_container() -> bool:
    """Tell whether YARN has given tokens to this process, so that it needs no ticket."""
    return FILE in os.environ


def own() -> list[Token]:
    """The tokens that this process was given; none outside of a container, or where the file can't be read."""
    path = os.environ.get(FILE)
    try:
        return parse(Path(path).read_bytes()) if path else []
    except (OSError, ValueError):
        return []


def find(kinds: Iterable[bytes], services: Iterable[str] = ()) -> Token | None:
    """The token of one of these kinds for one of these services; without services for any.

    ``services``: each host:port, or ``ha-hdfs:`` and a name service.
    """
    addresses = {address.encode() for service in services for address in [service, *_addresses(service)]}
    of_kind = [token for token in own() if token.kind in set(kinds)]
    return next((token for token in of_kind if not addresses or token.service in addresses), None)


def complete(address: str) -> None:
    """Have hdfs-native find the token of the NameNode at host:port.

    It looks for the host as a URL has it, and Hadoop writes the IP address (hadoop.security.token.service.use_ip).  So
    a copy of the file has the token under both, and the variable names the copy, from now on and for child processes.
    """
    with _lock:
        tokens = own()
        if not tokens or any(t.kind == HDFS and t.service == address.encode() for t in tokens):
            return
        services = {service.encode() for service in _addresses(address)}
        copies = [t._replace(alias=address.encode(), service=address.encode()) for t in tokens if t.service in services]
        if copies:
            _use([*tokens, *copies])


def replace(renewed: Iterable[Token]) -> None:
    """Have this process use these tokens in the place of those for the same services; others stay.

    hdfs-native reads the file at every new connection.
    """
    with _lock:
        newest = {(token.kind, token.service): token for token in [*own(), *renewed]}
        _use(newest.values())


def _use(tokens: Iterable[Token]) -> None:
    """Write a file for this user alone into the container's folder, which YARN removes, and have the variable name it.

    It takes the place of the one before, but for YARN's own, which stays.
    """
    before = os.environ[FILE]
    handle, path = tempfile.mkstemp(prefix=_PREFIX, suffix=".tokens", dir=os.path.dirname(before) or ".")
    with os.fdopen(handle, "wb") as file:
        file.write(dump(tokens))
    os.environ[FILE] = path
    if os.path.basename(before).startswith(_PREFIX):
        os.unlink(before)


def _addresses(service: str) -> list[str]:
    """A service's host:port as ip:port, one for each address; none where its host is not known."""
    host, _, port = service.rpartition(":")
    try:
        answers = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return []
    return [f"{address[0]}:{port}" for *_, address in answers]


def origin(token: Token) -> Origin:
    """The origin of a token of HDFS or its key server; ValueError for another one."""
    stream = BytesIO(token.identifier)
    _exactly(stream, 1)  # the version
    owner, _, real_user = (_bytes(stream).decode() for _ in range(3))
    return Origin(owner, real_user, _number(stream) / 1000, _number(stream) / 1000)


def first_to_end(tokens: Iterable[Token]) -> Origin | None:
    """The origin of the token of HDFS that ends first; None without any."""
    return min(_origins(tokens), key=lambda o: o.end, default=None)


def taken_by(tokens: Iterable[Token]) -> Origin | None:
    """The origin of a token of HDFS, of one that names who took it for another where there is one; None without any.

    Those that were taken by WebHDFS name the owner alone.
    """
    return max(_origins(tokens), key=lambda o: (bool(o.real_user), len(o.owner)), default=None)


def _origins(tokens: Iterable[Token]) -> list[Origin]:
    return [origin(token) for token in tokens if token.kind in WEB_HDFS]


def from_text(text: str) -> Token:
    """Read a token as web services give it; ValueError for what is none."""
    stream = BytesIO(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return Token(b"", *(_bytes(stream) for _ in range(4)))


def parse(data: bytes) -> list[Token]:
    """Read a token file; ValueError for what is none."""
    stream = BytesIO(data)
    if stream.read(4) != _MAGIC:
        raise ValueError("it does not begin as a token file")
    version = stream.read(1)
    if version == b"\0":
        return [Token(*(_bytes(stream) for _ in range(5))) for _ in range(_number(stream))]
    if version == b"\1":
        return list(_protocol_buffers(stream))
    raise ValueError(f"a token file of the unknown version {version!r}")


def dump(tokens: Iterable[Token]) -> bytes:
    """A token file of version 0, without secret keys."""
    listed = list(tokens)
    body = b"".join(_framed(part) for token in listed for part in token)
    return _MAGIC + b"\0" + _length(len(listed)) + body + _length(0)


def _framed(part: bytes) -> bytes:
    return _length(len(part)) + part


def _length(number: int) -> bytes:
    """Hadoop's variable-length number, of one that is not negative."""
    if number <= 127:
        return bytes([number])
    data = number.to_bytes((number.bit_length() + 7) // 8)
    return bytes([256 - 112 - len(data)]) + data


def _number(stream: BytesIO) -> int:
    first = int.from_bytes(_exactly(stream, 1), signed=True)
    if first >= -112:
        return first
    if first < -120:
        raise ValueError("a negative length in a token file")
    return int.from_bytes(_exactly(stream, -112 - first))


def _bytes(stream: BytesIO) -> bytes:
    return _exactly(stream, _number(stream))


def _exactly(stream: BytesIO, length: int) -> bytes:
    data = stream.read(length) if length >= 0 else b""
    if len(data) != length:
        raise ValueError("a token file that ends too early")
    return data


def _protocol_buffers(stream: BytesIO) -> Iterator[Token]:
    """A delimited CredentialsProto: tokens = 1, each with alias = 1 and token = 2, whose fields are 1 to 4."""
    for field, value in _fields(_exactly(stream, _varint(stream))):
        if field == 1:
            entry = dict(_fields(value))
            parts = dict(_fields(entry.get(2, b"")))
            yield Token(entry.get(1, b""), *(parts.get(number, b"") for number in (1, 2, 3, 4)))


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    stream = BytesIO(message)
    while stream.tell() < len(message):
        key = _varint(stream)
        if key & 7 != 2:
            raise ValueError("an unknown field in a token file")
        yield key >> 3, _exactly(stream, _varint(stream))


def _varint(stream: BytesIO) -> int:
    result = 0
    shift = 0
    while True:
        byte = _exactly(stream, 1)[0]
        result |= (byte & 127) << shift
        if byte < 128:
            return result
        shift += 7
