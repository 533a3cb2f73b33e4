"""The answers of WebHDFS as types, with the fields that are read here.

A field without a default must be there: a file or folder of which nothing is told must not look empty.
"""

import json
from itertools import zip_longest

from msgspec import Struct, field

from yarnml.storage.answers import Answer, Many
from yarnml.storage.base import Block, Entry


class FileStatus(Answer, frozen=True):
    """A file or folder; ``modification_time`` in milliseconds since 1970, ``enc_bit``: in an encryption zone."""

    length: int
    type: str
    modification_time: int = 0
    path_suffix: str = ""
    enc_bit: bool = False

    def entry(self, path: str) -> Entry:
        return Entry(path, self.length, self.type == "DIRECTORY", self.modification_time / 1000)


class StatusAnswer(Struct, frozen=True, rename="pascal"):
    """The answer to ``GETFILESTATUS``."""

    file_status: FileStatus


class FileStatuses(Struct, frozen=True, rename="pascal"):
    file_status: Many[FileStatus]


class ListAnswer(Struct, frozen=True, rename="pascal"):
    """The answer to ``LISTSTATUS``."""

    file_statuses: FileStatuses


class BlockLocation(Answer, frozen=True):
    """A block; ``names``: its DataNodes as the NameNode calls them, ``topology_paths``: with their racks."""

    offset: int = 0
    length: int = 0
    hosts: Many[str] = field(default_factory=Many)
    names: Many[str] = field(default_factory=Many)
    topology_paths: Many[str] = field(default_factory=Many)

    def block(self) -> Block:
        """The block with its hosts sorted."""
        racks = [path.rpartition("/")[0] for path in self.topology_paths[: len(self.hosts)]]
        replicas = sorted(zip_longest(self.hosts, racks, fillvalue=""))
        hosts, racks_of_hosts = zip(*replicas, strict=True) if replicas else ((), ())
        return Block(self.offset, self.length, tuple(hosts), tuple(racks_of_hosts))


class BlockLocations(Struct, frozen=True, rename="pascal"):
    block_location: Many[BlockLocation] = field(default_factory=Many)


class BlocksAnswer(Struct, frozen=True, rename="pascal"):
    """The answer to ``GETFILEBLOCKLOCATIONS``."""

    block_locations: BlockLocations = field(default_factory=BlockLocations)


class LocationAnswer(Struct, frozen=True, rename="pascal"):
    """The answer to ``OPEN`` and ``CREATE``: the URL of a DataNode."""

    location: str


class TokenText(Answer, frozen=True):
    url_string: str


class TokenAnswer(Struct, frozen=True, rename="pascal"):
    """The answer to ``GETDELEGATIONTOKEN``."""

    token: TokenText


def remote_words(body: bytes, otherwise: str) -> str:
    """The 'class: message' of a RemoteException; ``otherwise`` where the body is none."""
    try:
        remote = json.loads(body)["RemoteException"]
        return f"{remote['javaClassName']}: {remote['message']}"
    except (ValueError, KeyError, TypeError):
        return otherwise


def reason(exc: Exception, seconds: float) -> str:
    """Why a call failed, in words; a socket says of its deadline of so many seconds only that it is over."""
    cause = getattr(exc, "reason", exc)
    return f"no answer within {seconds:.0f} s" if isinstance(cause, TimeoutError) else str(cause)
