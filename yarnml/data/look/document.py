"""The file of a look: all that was seen, and the identity of the data that it is about."""

from typing import Any

import msgspec

from yarnml import storage
from yarnml.data.look.survey import Look

FORMAT = "yarnml-look/1"


class Document(msgspec.Struct, frozen=True):
    """``identity``: all that decides what is seen."""

    format: str
    identity: dict[str, Any]
    look: Look


def as_json(look: Look, identity: dict[str, Any]) -> bytes:
    """The bytes of the file."""
    return msgspec.json.format(msgspec.json.encode(Document(FORMAT, identity, look)))


def read_document(url: str) -> Document:
    """Read the file; errors are those of the storage and of msgspec."""
    return msgspec.json.decode(storage.read(url), type=Document)
