"""The common base of all messages between a process and its master."""

from msgspec import Struct


class Message(Struct, frozen=True, forbid_unknown_fields=True, tag=True):
    """A message between a process and its master: parsed once, unknown fields refused.

    Its class name is the tag on the wire.
    """
